#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
org.nat64d1(5) for scdoc: standard input, with "@DESCRIPTION@" and "@INTERFACES@" replaced by what the
interface's XML says. Of the build, not installed. A member or an argument that no comment describes
is an error.

usage: interfaces.py XML…

A comment before a member begins with its name and a colon, or the names of several members. Lines at
its margin that begin with names of arguments, or with "errors", describe these; lines further right
continue what is above them.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree

# Described once for all, in DESCRIPTION.
COMMON = {"cursor": "See DESCRIPTION, Pages.", "limit": "See DESCRIPTION, Pages.",
          "next": "See DESCRIPTION, Pages.", "filter": "See DESCRIPTION, Filters.",
          "result": "See DESCRIPTION, Changes.", "protocol": "tcp, udp or icmp."}
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
EMITTED = {"true": "PropertiesChanged tells of changes, with the value.",
           "invalidates": "PropertiesChanged tells of changes, without the value.",
           "const": "It does not change.",
           "false": "Nothing tells of changes."}


def escape(text):
    return re.sub(r"([\\*_])", r"\\\1", text).replace("|", "\\|")


def margin_lines(comment):
    """The comment's lines, the least indented of those after the first at column 0."""
    lines = comment.expandtabs().rstrip().split("\n")
    rest = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    margin = min(rest) if lines[0].strip() == "" else 5
    return [line.strip() if i == 0 else line[margin:].rstrip() for i, line in enumerate(lines)]


def capital(text):
    return text[:1].upper() + text[1:]


def stopped(text):
    return text if text.endswith((".", "!", ":")) else text + "."


def description(comment):
    """Paragraphs, each one line, as none may begin with a dot; what is indented stays in its lines."""
    page, literal = [""], False
    for line in margin_lines(comment)[1:]:
        if line.startswith(" ") != literal:
            literal = not literal
            page += ["```"] if literal else ["```", ""]
        if literal:
            page.append(line)
        elif line and page[-1]:
            page[-1] += " " + escape(line)
        else:
            page.append(escape(line))
    return "\n".join(page + (["```"] if literal else [])).strip("\n")


class Member:
    def __init__(self, element, comment):
        self.name = element.get("name")
        self.kind = element.tag
        self.args = [(arg.get("name"), arg.get("type"), arg.get("direction", "out"))
                     for arg in element.findall("arg")]
        self.type = element.get("type")
        self.emits = next((note.get("value") for note in element.findall("annotation")
                           if note.get("name") == EMITS), "true")
        self.about, self.items, self.after = self.parse(comment)

    def parse(self, comment):
        """What it does; [(names, text)]; what else there is to say."""
        lines = margin_lines(comment)
        head = next(line for line in lines if line)
        if not re.match(r"[\w, ]*\b%s\b[\w, ]*:" % self.name, head):
            raise SystemExit("%s: the comment before it begins with '%s'" % (self.name, head[:40]))
        known = {name for name, _, _ in self.args} | {"errors"}
        about, items, after = [], [], []
        for line in lines[lines.index(head):]:
            match = re.match(r"([a-z][a-z0-9_]*(?:, [a-z][a-z0-9_]*)*):\s+(.*)", line)
            if match and set(match[1].split(", ")) <= known:
                items.append((match[1].split(", "), [match[2]]))
                after = []
            elif items and (line.startswith(" ") or not line):
                (after or items[-1][1]).append(line.strip())
            elif items:
                after.append(line.strip())
            else:
                about.append(line.strip())
        text = re.sub(r"^[\w, ]+?:\s*", "", " ".join(about).strip())
        return text, [(names, " ".join(words).strip()) for names, words in items], " ".join(after).strip()

    def signature(self):
        def listed(direction):
            return ", ".join("%s %s" % (escape(kind), escape(name or "")) for name, kind, way in self.args
                             if way == direction)
        if self.kind == "property":
            return "%s %s" % (self.name, self.type)
        if self.kind == "signal":
            return "%s(%s)" % (self.name, listed("out"))
        return "%s(%s) → (%s)" % (self.name, listed("in"), listed("out"))

    def lines(self):
        """A line for each argument that is described, in the order of the arguments."""
        order = [name for name, _, _ in self.args] + ["errors"]
        described = {name for names, _ in self.items for name in names}
        items = list(self.items)
        for name, _, _ in self.args:
            if name in described or re.search(r"\b%s\b" % name, self.about + self.after):
                continue
            if name not in COMMON:
                raise SystemExit("%s: nothing describes its argument %s" % (self.name, name))
            items.append(([name], COMMON[name]))
        return ["%s: %s" % (", ".join("_%s_" % name for name in names), escape(stopped(text)))
                for names, text in sorted(items, key=lambda item: order.index(item[0][0]))]

    def page(self):
        emitted = " " + EMITTED[self.emits] if self.kind == "property" else ""
        blocks = [escape(stopped(capital(self.about))) + emitted, "\n\t".join("- " + line for line in self.lines()),
                  escape(stopped(self.after)) if self.after else ""]
        return "*%s*\n\t%s\n" % (self.signature(), "\n\n\t".join(block for block in blocks if block))


def members(interface):
    comment = None
    for element in interface:
        if element.tag is ElementTree.Comment:
            comment = element.text
        else:
            yield Member(element, comment)


def interface_page(path):
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    page = []
    for interface in ElementTree.parse(path, parser).getroot().findall("interface"):
        page.append("# %s\n" % interface.get("name"))
        found = list(members(interface))
        for kind, title in (("method", "Methods"), ("signal", "Signals"), ("property", "Properties")):
            chosen = [member for member in found if member.kind == kind]
            if chosen:
                page.append("## %s\n" % title)
                page += [member.page() for member in chosen]
    return "\n".join(page)


def top_comment(path):
    with open(path, encoding="utf-8") as file:
        return re.findall(r"<!--(.*?)-->", file.read(), re.DOTALL)[2]


def main(paths):
    text = sys.stdin.read()
    text = text.replace("@DESCRIPTION@", description(top_comment(paths[0])))
    print(text.replace("@INTERFACES@", "\n".join(interface_page(path) for path in paths)), end="")


main(sys.argv[1:])
