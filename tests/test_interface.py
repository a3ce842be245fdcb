#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
interface.csv against the interface's XML: each method, signal and property stands there once, with the
tests that use it and those that use it wrongly, which name it; and each error that the XML says of a
method is expected by one of the latter. What is said of all members is not repeated there: wrong_calls
calls each method with wrong arguments and sets each property, actions asks for each as somebody else.

usage: test_interface.py FOLDER_OF_TESTS FOLDER_OF_XML
"""
import csv
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

FILES = {"Manager": "org.nat64d1.xml", "Pool4": "org.nat64d1.Pool4.xml"}
# Of all methods that can meet them.
GENERAL = {"InvalidArgs", "AccessDenied"}
# They use all there is, without naming it.
ALL = {"test_wrong_calls.c"}
# Where a name of D-Bus's own is meant, and not one of ours.
OWN = {"NotSupported", "Failed", "LimitsExceeded"}


def members(path):
    """Name, kind and errors of each."""
    root = ElementTree.parse(path, ElementTree.XMLParser(
        target=ElementTree.TreeBuilder(insert_comments=True))).getroot()
    comment = ""
    for node in root.find("interface"):
        if node.tag is ElementTree.Comment:
            comment = node.text
        else:
            errors = re.search(r"^ *errors:(.*(?:\n {13,}.*)*)", comment, re.MULTILINE)
            words = re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", "", errors[1]) if errors else ""
            same = re.match(r"\s*as (\w+)", words)
            yield node.get("name"), node.tag, same[1] if same else set(re.findall(r"\w+(?=\s*(?:,|$))", words))


def resolve(found):
    """ "errors: as ListBib" """
    by_name = {name: errors for name, _, errors in found}
    for name, kind, errors in found:
        while isinstance(errors, str):
            errors = by_name[errors]
        yield name, kind, errors


def macro(error):
    """As C has it: InvalidAddress is DBUS_ERROR_INVALID_ADDRESS, or SD_BUS_ERROR_..."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", error).upper()
    return ("SD_BUS_ERROR_" if error in OWN else "DBUS_ERROR_") + name


def check(interface, path, rows, texts):
    """A sentence for each thing that is wrong."""
    found = list(resolve(list(members(path))))
    named = [row["member"] for row in rows]
    for name in sorted(set(named) - {name for name, _, _ in found}):
        yield f"{name} is in the table only"
    for name in sorted({name for name in named if named.count(name) > 1}):
        yield f"{name} is in the table twice"
    for name, kind, errors in found:
        row = next((row for row in rows if row["member"] == name), None)
        if row is None:
            yield f"no test is named for {kind} {name}: add it to interface.csv"
            continue
        good, bad = row["good"].split(), row["bad"].split()
        if not good or kind == "method" and not bad:
            yield f"{name}: {'good' if not good else 'bad'} uses are tested nowhere"
        for test in good + bad:
            if test not in texts:
                yield f"{name}: there is no {test}"
            elif test not in ALL and not re.search(rf'"{name}["\s:=]', texts[test]):
                yield f"{name}: {test} does not name it"
            elif interface == "Pool4" and "DBUS_INTERFACE_POOL4" not in texts[test]:
                yield f"{name}: {test} does not name its interface"
        for error in sorted(errors - GENERAL):
            if not any(re.search(rf"\b{macro(error)}\b", texts.get(test, "")) for test in bad):
                yield f"{name}: no test of {row['bad'] or 'it'} expects {error}"


def main():
    tests, contracts = (pathlib.Path(argument) for argument in sys.argv[1:])
    texts = {path.name: path.read_text() for path in tests.glob("*.c")}
    with open(tests / "interface.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    print(f"1..{len(FILES)}")
    for number, (interface, name) in enumerate(FILES.items(), 1):
        wrong = list(check(interface, contracts / name,
                           [row for row in rows if row["interface"] == interface], texts))
        print(f"{'not ok' if wrong else 'ok'} {number} {name}: each member has its tests")
        for sentence in wrong:
            print("# " + sentence)


main()
