#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Each command of nat64ctl has what it prints compared with a file of tests/cli, as a table (or a line) and as
JSON, by one of test_cli.c and test_setup.py; and each file there is compared with by somebody.

usage: test_goldens.py NAT64CTL FOLDER_OF_TESTS
"""
import json
import pathlib
import re
import subprocess
import sys

# Judged otherwise: by the machine they are about (netns/doctor.sh), on a terminal (test_cli_top.c), and with
# files of their own (test_import.py).
ELSEWHERE = {"doctor", "top", "import jool", "import tayga"}


def files_of(command, text):
    """Of rows such as {"pool4 list --json", 0, "pool4_list.json"...; or of a variable that is named so."""
    words = rf"""["'](?:-i b )?{command}(?: [^"'\n]*)?["']|{command}\w*"""
    row = rf"""[{{(]\s*(?:{words}),\s*(?:\d,\s*)?["'](\w+\.(?:out|json))["']"""
    return set(re.findall(row, text))


def main():
    nat64ctl, tests = sys.argv[1], pathlib.Path(sys.argv[2])
    text = "".join((tests / name).read_text() for name in ("test_cli.c", "test_setup.py"))
    commands = json.loads(subprocess.run([nat64ctl, "help", "--json"], check=True, stdout=subprocess.PIPE).stdout)
    wrong = []
    for command in sorted({row["command"] for row in commands["commands"]} - ELSEWHERE):
        endings = {file.rsplit(".")[-1] for file in files_of(command, text)}
        wrong += [f"{command}: no file {ending} that it is compared with" for ending in
                  sorted({"out", "json"} - endings)]
    unused = sorted(path.name for path in (tests / "cli").iterdir()
                    if path.suffix in (".out", ".json") and f'"{path.name}"' not in text and f"'{path.name}'" not in text)
    print("1..2")
    for number, (name, sentences) in enumerate((("each command has its files", wrong),
                                                ("each file has its command", unused)), 1):
        print(f"{'not ok' if sentences else 'ok'} {number} {name}")
        for sentence in sentences:
            print("# " + sentence)


main()
