#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The examples of the documentation, tried out: cases of examples.sh, inside its network.

usage: examples.py [--write] DOCUMENT…

An example is what stands between two lines of "```". It is one of
  - commands, each after "$ " and continued after "\\", with what they print, run in the gateway. Where
    the output goes on after a line "…", it may print more. One that ends in " &" runs on until the
    block ends, and what it has printed comes last;
  - a part of a configuration, which begins with "[": nat64d --check has nothing to say about it, and
    the daemon of what follows in the document has it;
  - packet rules, one command a line: the kernel takes them in a network of their own, with a table
    "inet filter" such as Debian's nftables.conf has, and knows them then;
  - what takes minutes, or installs something, and is run by others (test_lab.sh, test_readme.py,
    test_package.sh, tools/check); or a picture, or the form of a line.
Anything else fails: nobody would try it.
In scdoc's pages a backslash is written twice. With --write the document gets what was printed, wherever that differs in more than what is masked.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

RUN = "/run/nat64d-lab"
BASE = "[Translation]\nPool6=%s/96\n\n[Pool4 lab]\nAddresses=203.0.113.0/28\n" % os.environ["TOPOLOGY_POOL6"]
PROGRAMS = {name.lower(): os.environ[name] for name in ("NAT64D", "NAT64CTL")}
# Not run here: they build, measure or change the machine; and what needs more than this network has.
ELSEWHERE = re.compile(r"(\$ )?(tools/|apt(-get)? |meson |systemctl )")
PICTURE = re.compile("[\u2500-\u25ff]") # boxes and arrows
FORM = re.compile("[a-z]+( +[A-Z0-9]+)+$") # a word, and what stands behind it
RULES = re.compile("(nft|iptables|ip6tables) ")
MASKS = [
    (r"(?<![\w'.=])(?=\d)(?:\d+d)?(?:\d+h)?(?:\d+min)?(?:\d+s)?(?![\w'])", "TIME"),
    (r"\d{4}-\d\d-\d\d(?:T| )\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| UTC)?", "WHEN"),
    (r"\b\d{15,16}\b", "USEC"),
    (r"UINT64 \d+", "UINT64 N"),
    (r"203\.0\.113\.\d+:\d+", "MAPPED"),
    (r'"203\.0\.113\.\d+" \d+', '"MAPPED" PORT'),
    (r":1\.\d+", ":1.N"),
    (r"Cookie=\d+|ReplyCookie=\d+|UniqueName=\S+|Timestamp=\"[^\"]*\"", "MESSAGE"),
    (r"[ \t]+", " "),
]


def masked(text):
    for pattern, word in MASKS:
        text = re.sub(pattern, word, text)
    return [line.strip() for line in text.strip("\n").split("\n")]


def matches(expected, found):
    """Line by line; "…" stands for any lines."""
    if not expected:
        return not found
    if expected[0] == "…":
        return any(matches(expected[1:], found[i:]) for i in range(len(found) + 1))
    return bool(found) and expected[0] == found[0] and matches(expected[1:], found[1:])


def in_gateway(name="gateway"):
    return ["ip", "netns", "exec", "%s-%s" % (os.environ["TOPOLOGY_NAME"], name)]


class Daemon:
    """nat64d with one configuration, and some traffic that the examples show."""

    def __init__(self, configuration):
        self.log = open(RUN + "/nat64d.log", "w+b")
        shutil.rmtree(RUN + "/state", ignore_errors=True) # the name is in what is printed
        os.mkdir(RUN + "/state", 0o700)
        with open(RUN + "/nat64d.conf", "w") as file:
            file.write(configuration)
        self.process = subprocess.Popen(
            in_gateway() + [PROGRAMS["nat64d"], "--config", RUN + "/nat64d.conf", "--state-dir",
                            RUN + "/state",
                            "--socket", "/run/nat64d/control"], stdout=self.log, stderr=self.log)
        for _ in range(200):
            if b"ready: " in open(RUN + "/nat64d.log", "rb").read():
                break
            time.sleep(0.05)
        else:
            raise SystemExit("nat64d does not start:\n" + open(RUN + "/nat64d.log").read())
        self.talk()

    def talk(self):
        """The client asks the server by UDP, and holds a TCP connection to it."""
        server = "[%s]:7" % os.environ["TOPOLOGY_SERVER6"]
        subprocess.run(in_gateway("client") + ["socat", "-t", "0.3", "-", "UDP6:%s,sourceport=5000" % server],
                       input=b"hello\n", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.connection = subprocess.Popen(
            in_gateway("client") + ["socat", "-", "TCP6:%s,sourceport=5001,linger=0" % server],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        time.sleep(0.2)

    def end(self):
        self.connection.kill()
        self.connection.wait()
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(20) != 0:
            raise SystemExit("nat64d ended with %d:\n%s" % (self.process.returncode,
                                                           open(RUN + "/nat64d.log").read()))


class Document:
    def __init__(self, path, write):
        self.path, self.write = path, write
        with open(path, encoding="utf-8") as file:
            self.lines = file.read().split("\n")
        self.scdoc = ".scd" in path
        self.configuration, self.daemon = BASE, None

    def blocks(self):
        """(first line, line after the last) of each; lines may be replaced meanwhile."""
        end = 0
        while True:
            begins = [i for i in range(end, len(self.lines)) if self.lines[i].lstrip().startswith("```")]
            if len(begins) < 2:
                return
            yield begins[0] + 1, begins[1]
            end = next(i for i in range(begins[0] + 1, len(self.lines))
                       if self.lines[i].lstrip().startswith("```")) + 1

    def run(self):
        for first, last in self.blocks():
            indent = re.match(r"[ \t]*", self.lines[first - 1])[0]
            block = [line.removeprefix(indent) for line in self.lines[first:last]]
            if self.scdoc:
                block = [line.replace("\\\\", "\\") for line in block]
            if block and block[0].startswith("["):
                self.configure("\n".join(block) + "\n")
            elif block and all(RULES.match(line) for line in block):
                self.rules(block)
            elif block and block[0].startswith("$ ") and not ELSEWHERE.match(block[0]):
                block = self.commands(block)
                if self.scdoc:
                    block = [line.replace("\\", "\\\\") for line in block]
                self.lines[first:last] = [indent + line for line in block]
            elif not any(ELSEWHERE.match(line) or PICTURE.search(line) or FORM.match(line) for line in block):
                self.say(False, "a block that nobody tries", "\n".join(block))
        self.stop()
        if self.write:
            with open(self.path, "w", encoding="utf-8") as file:
                file.write("\n".join(self.lines))

    def stop(self):
        if self.daemon:
            self.daemon.end()
        self.daemon = None

    def say(self, good, name, words=""):
        print(("ok " if good else "not ok ") + "%s: %s" % (os.path.basename(self.path), name))
        for line in words.split("\n") if not good else []:
            print("# " + line)
        sys.stdout.flush()

    def configure(self, text):
        self.stop()
        whole = re.search(r"^Pool6=", text, re.MULTILINE)
        self.configuration = text if whole else BASE + text
        with open(RUN + "/example.conf", "w") as file:
            file.write(self.configuration)
        checked = subprocess.run([PROGRAMS["nat64d"], "--config", RUN + "/example.conf", "--check"],
                                 text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.say(checked.returncode == 0, "configuration " + text.split("\n")[1], checked.stdout)

    def rules(self, block):
        """Each is taken, and there."""
        chain = "nft 'add table inet filter; add chain inet filter forward { type filter hook forward priority 0; }'"
        listed = {"nft": "nft list chain inet filter forward", "iptables": "iptables -S FORWARD",
                  "ip6tables": "ip6tables -S FORWARD"}
        for line in block:
            shown = "%s && %s && %s" % (chain, line, listed[line.split()[0]])
            found = subprocess.run(["unshare", "--net", "sh", "-c", shown], text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
            self.say(found.returncode == 0 and "nat64d" in found.stdout, line, found.stdout)

    def commands(self, block):
        """Runs them; the block, with what was printed if that is to be written."""
        steps, after = [], []
        for line in block:
            if line.startswith("$ ") or steps and steps[-1][0][-1].endswith("\\") and not steps[-1][1]:
                if line.startswith("$ "):
                    steps.append(([line], []))
                else:
                    steps[-1][0].append(line)
            else:
                steps[-1][1].append(line)
        self.daemon = self.daemon or Daemon(self.configuration)
        running, printed = [], []
        for number, (lines, expected) in enumerate(steps):
            command = " ".join(line.rstrip("\\").strip() for line in lines)[2:]
            printed += lines
            if command.endswith(" &"):
                running.append((command, self.begin("exec " + command[:-2])))
                time.sleep(0.5)
                continue
            found = self.begin(command).communicate(timeout=20)[0].decode().rstrip("\n")
            if running and number == len(steps) - 1:
                time.sleep(0.5)
                for _, process in running:
                    process.send_signal(signal.SIGTERM)
                    found = "\n".join([found, process.communicate(timeout=5)[0].decode().rstrip("\n")])
            found = found.strip("\n").split("\n") if found.strip("\n") else []
            found = [line.rstrip() for line in found]
            printed += self.compared(command, expected, found)
        return printed

    def begin(self, command):
        return subprocess.Popen(in_gateway() + ["sh", "-c", "exec 2>&1; cd %s; %s" % (RUN, command)],
                                stdout=subprocess.PIPE, start_new_session=False)

    def compared(self, command, expected, found):
        same = matches(masked("\n".join(expected)), masked("\n".join(found)))
        if self.write and not same:
            return found
        self.say(same, "$ " + command, "expected:\n%s\nfound:\n%s" % ("\n".join(expected), "\n".join(found)))
        return expected


def main(arguments):
    write = arguments[:1] == ["--write"]
    for name, path in PROGRAMS.items():
        os.makedirs(RUN + "/bin", exist_ok=True)
        os.makedirs("/run/nat64d", exist_ok=True)
        if not os.path.exists(RUN + "/bin/" + name):
            os.symlink(path, RUN + "/bin/" + name)
    os.environ["PATH"] = RUN + "/bin:" + os.environ["PATH"]
    os.environ.update(COLUMNS="100", SYSTEMD_COLORS="0", SYSTEMD_PAGER="cat", LC_ALL="C.UTF-8", NO_COLOR="1")
    for path in arguments[write:]:
        Document(path, write).run()
        if write:
            print("ok %s: written" % path)


if __name__ == "__main__":
    main(sys.argv[1:])
