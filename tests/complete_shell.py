#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion of nat64ctl as somebody at a terminal meets it: a real shell, real TAB keys.

complete_shell.py bash|zsh NAT64CTL COMPLETION SOCKET
The service behind SOCKET has the pool4 entry "wan", the client 2001:db8:1::/64 and Pool6
2001:db8:64::/96. COMPLETION is the folder data/completion. One TAP line for each case.
"""
import os
import pty
import re
import select
import shlex
import subprocess
import sys
import time

PATIENCE = 60  # seconds for a shell to answer, on a machine that is busy

# What is typed, with TAB for the key, and the words of the command line that come of it.
CASES = [
    ("sta", ["sta"]),
    ("stat\t", ["stat"]),  # status and stats
    ("statu\t", ["status"]),
    ("pool4 a\t192.0.2.8", ["pool4", "add", "192.0.2.8"]),
    ("pool4 rem\tw\t--f\t", ["pool4", "remove", "wan", "--force"]),
    ("pool4 add 192.0.2.8 --dr\t", ["pool4", "add", "192.0.2.8", "--dry-run"]),
    ("pool4 add 192.0.2.8 --protocol tcp,ud\t", ["pool4", "add", "192.0.2.8", "--protocol", "tcp,udp"]),
    ("bib list --protocol=ic\t", ["bib", "list", "--protocol=icmp"]),
    ("bib list --client 2001:d\t", ["bib", "list", "--client", "2001:db8:1::/64"]),
    ("client block 2001:db8:\t--f\t1h", ["client", "block", "2001:db8:1::/64", "--for", "1h"]),
    ("pool6 remove 2\t", ["pool6", "remove", "2001:db8:64::/96"]),
    ("config set Timeouts.U\t", ["config", "set", "Timeouts.UDP"]),  # UDP and UDPByPort
    ("config set Timeouts.TCPO\t", ["config", "set", "Timeouts.TCPOpening"]),
    ("config get Translation.Fi\t", ["config", "get", "Translation.Filtering"]),
    ("log-level w\t", ["log-level", "warning"]),
    ("session list --state est\t", ["session", "list", "--state", "established"]),
    ("help cl\tblocke\t", ["help", "client", "blocked"]),
    ("setup --config /etc/passw\t", ["setup", "--config", "/etc/passwd"]),
    ("nonsense \t", ["nonsense"]),
]

# What a TAB offers where several words may come.
OFFERS = [
    ("po\t\t", {"pool4", "pool6"}),
    ("pool4 \t\t", {"list", "show", "add", "remove", "drain", "enable"}),
    ("pool4 remove wan --\t\t", {"--dry-run", "--force", "--json"}),
    ("config set Ti\t\t", {"Timeouts.UDP", "Timeouts.TCPEstablished", "Timeouts.ICMP"}),
    ("explain \t\t", {"tcp", "udp", "icmp"}),
]

SET_UP = {
    "bash": """PS1='READY> '; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'
        bind 'set show-all-if-ambiguous on'; bind 'set page-completions off'; bind 'set completion-query-items 0'; . {completion}/nat64ctl.bash""",
    "zsh": """PS1='READY> '; PROMPT_SP=; unsetopt prompt_cr zle_bracketed_paste 2>/dev/null
        unset zle_bracketed_paste; fpath=({completion} $fpath); autoload -Uz compinit; compinit -u -D
        setopt no_beep no_always_last_prompt no_auto_menu no_list_ambiguous""",
}
COMMAND = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}


class Terminal:
    """A shell at the other end of a pseudo-terminal."""

    def __init__(self, shell, environment):
        master, slave = pty.openpty()
        self.process = subprocess.Popen(COMMAND[shell], stdin=slave, stdout=slave, stderr=slave,
                                        env=environment, start_new_session=True, close_fds=True)
        os.close(slave)
        self.master = master
        self.seen = ""

    def write(self, text):
        os.write(self.master, text.encode())

    def read_until(self, pattern):
        """What comes up to a match of pattern, without colours and movements of the cursor."""
        end = time.monotonic() + PATIENCE
        while True:
            match = re.search(pattern, self.seen)
            if match:
                text, self.seen = self.seen[:match.end()], self.seen[match.end():]
                return text
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"{pattern!r} does not come; there is {self.seen!r}")
            got = os.read(self.master, 65536).decode(errors="replace")
            self.seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r", "", got)

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def words_after(terminal, keys):
    """Types, and has the shell say which words stand on the line then, instead of running them."""
    terminal.write(f"nat64ctl {keys}")
    terminal.write("\x01printf '<%s>' \x05; echo ' ENDED'\n")
    said = terminal.read_until(r"<nat64ctl>[^\n]* ENDED")
    terminal.read_until("READY> ")
    return re.findall(r"<([^>]*)>", said[said.rindex("<nat64ctl>"):])[1:]


def words_offered(terminal, keys):
    terminal.write(f"nat64ctl {keys}")
    terminal.write("\x15echo ' EN''DED'\n")  # the line is thrown away
    said = terminal.read_until(" ENDED")
    terminal.read_until("READY> ")
    return set(re.findall(r"[\w.-]+", said))


def main(shell, nat64ctl, completion, socket):
    folder = os.path.dirname(socket)
    # Words are completed by the command that is typed: it knows where the service is.
    wrapper = os.path.join(folder, "nat64ctl")
    with open(wrapper, "w", encoding="ascii") as file:
        file.write('#!/bin/sh\n[ "$1" = --complete ] && shift && set -- --complete --socket '
                   f'{shlex.quote(socket)} "$@"\nexec {shlex.quote(nat64ctl)} "$@"\n')
    os.chmod(wrapper, 0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": folder, "TERM": "vt100",
                   "COLUMNS": "200", "LC_ALL": "C"}
    terminal = Terminal(shell, environment)
    print(f"1..{len(CASES) + len(OFFERS)}")
    failed = n = 0
    try:
        terminal.write("stty -echo cols 200 rows 50; " if shell == "bash" else "stty cols 200 rows 50; ")
        terminal.write(SET_UP[shell].format(completion=shlex.quote(completion)).replace("\n", ";"))
        terminal.write("; echo SET''UP\n")
        terminal.read_until(r"SETUP\s[^$]*READY> ")
        for keys, expected in CASES + OFFERS:
            n += 1
            if isinstance(expected, set):
                got = words_offered(terminal, keys)
                good = expected <= got
            else:
                got = words_after(terminal, keys)
                good = got == expected
            failed += not good
            print(f"{'ok' if good else 'not ok'} {n} {keys!r}" + ("" if good else f"\n# {expected} is not {got}"),
                  flush=True)
    finally:
        terminal.end()
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:]))
