#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
A page of doc/, done as it says: cases of pages.sh, inside its network.

usage: page.py [--write] PAGE NODE=NAME…

What stands between two lines of "```" is one of
  - a file: the first line is a comment with its path, such as "# /etc/nftables.conf"; it is written there;
  - commands, each after "NODE$ ", or "$ " in the gateway, and continued after "\\"; with what they print,
    where "…" stands for any lines, and numbers, times and ports are masked as in examples.py;
  - a picture, or what is not tried here (ELSEWHERE).
Anything else fails. NODE is what the page calls a node of the lab, NAME what the lab does. With --write the
page gets what was printed, wherever that differs in more than what is masked.
"""
import os
import re
import subprocess
import sys

from examples import PICTURE, masked, matches

# Not here: what installs something, or needs an image.
ELSEWHERE = re.compile(r"(# )?(apt |podman |docker |systemd-nspawn )")
PATH = re.compile(r"(#|//) (/\S+)$")
PROMPT = re.compile(r"([a-z0-9]*)\$ (.*)$")
# Of clients, and of addresses that are not in the lab's pool4.
PORTS = re.compile(r"((?:\]|\d\.\d+):)\d{4,5}\b")


def lines_of(text):
    return [PORTS.sub(r"\1PORT", line) for line in masked(text)]


class Page:
    def __init__(self, path, names, write):
        self.path, self.names, self.write = path, names, write
        with open(path, encoding="utf-8") as file:
            self.lines = file.read().split("\n")

    def run(self):
        done, block = [], None
        for line in self.lines:
            if not line.startswith("```"):
                (done if block is None else block).append(line)
                continue
            if block is not None:
                done += self.block(block)
            block = [] if block is None else None
            done.append(line)
        if self.write:
            with open(self.path, "w", encoding="utf-8") as file:
                file.write("\n".join(done))

    def block(self, block):
        """Does it; the block, with what was printed if that is to be written."""
        path, prompt = PATH.match(block[0]), PROMPT.match(block[0])
        if path:
            os.makedirs(os.path.dirname(path[2]), exist_ok=True)
            with open(path[2], "w", encoding="utf-8") as file:
                file.write("\n".join(block) + "\n")
        elif prompt and not ELSEWHERE.match(block[0]):
            return self.commands(block)
        elif not any(ELSEWHERE.match(line) or PICTURE.search(line) for line in block):
            self.say(False, "a block that nobody tries", "\n".join(block))
        return block

    def commands(self, block):
        printed, at = [], 0
        while at < len(block):
            node, command = PROMPT.match(block[at]).groups()
            begin, at = at, at + 1
            while block[at - 1].endswith("\\"):
                command = command.rstrip("\\") + block[at].strip()
                at += 1
            printed += block[begin:at]
            begin = at
            while at < len(block) and not PROMPT.match(block[at]):
                at += 1
            printed += self.command(node, command, block[begin:at])
        return printed

    def command(self, node, command, expected):
        """Runs it; what it prints is what stands there, and its status 0, unless nothing but an error is shown."""
        network = "--net=/run/netns/%s-%s" % (os.environ["TOPOLOGY_NAME"], self.names.get(node, "gateway"))
        run = subprocess.run(["nsenter", network, "bash", "-c", command], timeout=60, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        # What is said about the lab's own drop-in (pages.sh) is no reader's.
        found = [line.rstrip() for line in run.stdout.rstrip("\n").split("\n")
                 if run.stdout and "/00-lab.conf" not in line]
        same = matches(lines_of("\n".join(expected)), lines_of("\n".join(found)))
        if self.write and not same:
            return found
        refused = any(line.startswith(("nat64ctl: ", "curl: ")) for line in expected)
        self.say(same and (run.returncode == 0 or refused), "%s$ %s" % (node, command),
                 "status %d, expected:\n%s\nfound:\n%s" % (run.returncode, "\n".join(expected), "\n".join(found)))
        return expected

    def say(self, good, name, words):
        print(("ok " if good else "not ok ") + name)
        for line in words.split("\n") if not good else []:
            print("# " + line)
        sys.stdout.flush()


def main(arguments):
    write = arguments[:1] == ["--write"]
    path, *names = arguments[write:]
    os.environ.update(COLUMNS="100", LC_ALL="C.UTF-8", NO_COLOR="1")
    Page(path, dict(name.split("=") for name in names), write).run()


main(sys.argv[1:])
