# SPDX-License-Identifier: GPL-2.0-or-later
#
# As much of a service manager as hand-over needs: keeps the descriptors of a service by name (FDSTORE=1,
# FDSTOREREMOVE=1) and gives them to the next one it starts (LISTEN_FDS). For handover.sh.
#
#   keeper.py NOTIFY_SOCKET PROGRAM [ARGUMENT…]
#
# Commands come by standard input, a line each: "restart" ends the service and starts it again, "crash" kills
# it before, "slow" and "outage" do the same and stay away for a second and a half in between, "end" ends it and
# all. After each start it prints "ready" with the names of what it gave, and after the end "ended" with the
# status.

import os
import select
import signal
import socket
import sys
import time

OUTAGE_S = 1.5
FIRST_FD = 3


class Keeper:
    def __init__(self, path, command):
        self.path = path
        self.command = command
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        self.kept = []  # (name, descriptor)
        self.pid = None
        self.pidfd = None
        self.is_ready = False

    def remove(self, name):
        for kept in [kept for kept in self.kept if kept[0] == name]:
            os.close(kept[1])
            self.kept.remove(kept)

    def hear(self):
        data, fds, _, _ = socket.recv_fds(self.notify, 4096, 8)
        said = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
        name = said.get("FDNAME", "stored")
        if said.get("READY") == "1":
            self.is_ready = True
        if said.get("FDSTOREREMOVE") == "1":
            self.remove(name)
        for fd in fds:
            if said.get("FDSTORE") == "1" and said.get("FDPOLL") == "0":
                self.kept.append((name, fd))
            else:
                os.close(fd)

    # Until the service has said that it is ready, or has ended; what it says meanwhile is heard.
    def wait(self, until_ready):
        while not (until_ready and self.is_ready):
            readable, _, _ = select.select([self.notify, self.pidfd], [], [])
            if self.notify in readable:
                self.hear()
            elif self.pidfd in readable:
                status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
                os.close(self.pidfd)
                return status
        return None

    def start(self):
        self.is_ready = False
        self.pid = os.fork()
        if self.pid == 0:
            # First out of the way of the places where they belong.
            high = [os.dup2(fd, 100 + i) for i, (_, fd) in enumerate(self.kept)]
            for i, fd in enumerate(high):
                os.dup2(fd, FIRST_FD + i, inheritable=True)
                os.close(fd)
            os.closerange(FIRST_FD + len(high), 100)
            environment = dict(os.environ, NOTIFY_SOCKET=self.path)
            if high:
                environment.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)),
                                   LISTEN_FDNAMES=":".join(name for name, _ in self.kept))
            os.execve(self.command[0], self.command, environment)
        self.pidfd = os.pidfd_open(self.pid)
        given = sorted(name for name, _ in self.kept)
        if self.wait(True) is None:
            print("ready", *given, flush=True)
        else:
            print("failed", flush=True)

    def end(self, number):
        os.kill(self.pid, number)
        return self.wait(False)


def main():
    keeper = Keeper(sys.argv[1], sys.argv[2:])
    keeper.start()
    for line in sys.stdin:
        what = line.strip()
        status = keeper.end(signal.SIGTERM if what in ("restart", "slow", "end") else signal.SIGKILL)
        if what == "end":
            print("ended", status, flush=True)
            break
        if what in ("slow", "outage"):
            time.sleep(OUTAGE_S)
        keeper.start()


main()
