#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What nat64ctl printed with --json, held against data/schemas.

check_schemas.py SCHEMAS COMMANDS DOCUMENTS
COMMANDS is what "help --json" prints; DOCUMENTS has a line {"arguments": ..., "document": ...} for
each document. Every schema must be in use, and every command with one must have been seen, unless it
is of those that other tests run.
"""
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is missing")
    sys.exit(77)

# They are about the host, or files: test_setup.py, tests/netns, test_import.py.
ELSEWHERE = {"setup", "teardown", "doctor", "import jool", "import tayga"}


def strictly(schema):
    """No member that the schema does not tell of: users may meet more, our documents may not."""
    if isinstance(schema, dict):
        schema = {key: strictly(value) for key, value in schema.items()}
        if "properties" in schema and schema.get("type") == "object":
            schema["additionalProperties"] = False
    elif isinstance(schema, list):
        schema = [strictly(value) for value in schema]
    return schema


def main(folder, commands_file, documents_file):
    schemas = {}
    for path in pathlib.Path(folder).glob("*.json"):
        schema = json.loads(path.read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        schemas[path.stem] = jsonschema.Draft202012Validator(strictly(schema))
    commands = {entry["command"]: entry["schema"]
                for entry in json.loads(pathlib.Path(commands_file).read_text())["commands"]}
    problems = [f"{command}: there is no data/schemas/{schema}.json"
                for command, schema in commands.items() if schema and schema not in schemas]
    problems += [f"data/schemas/{name}.json is of no command"
                 for name in schemas if name not in commands.values()]
    seen = set()
    for line in pathlib.Path(documents_file).read_text().splitlines():
        entry = json.loads(line)
        words = entry["arguments"].split()
        command = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in commands), None)
        if command is None or commands[command] not in schemas:
            problems.append(f"{entry['arguments']}: no command, or one without schema")
            continue
        seen.add(command)
        problems += [f"{entry['arguments']}: {error.json_path}: {error.message}"
                     for error in schemas[commands[command]].iter_errors(entry["document"])]
    problems += [f"{command} --json has no case" for command, schema in commands.items()
                 if schema and command not in seen | ELSEWHERE]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
