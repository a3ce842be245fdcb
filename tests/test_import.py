#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nat64ctl import: what comes of kept files of others, that nat64d takes it, and of files that are hostile.

test_import.py NAT64D NAT64CTL FOLDER SCHEMA: with NAT64D_WRITE_EXPECTED the kept results are written anew.
"""

import json
import os
import random
import subprocess
import sys
import tempfile

import jsonschema

NAT64D, NAT64CTL, FOLDER, SCHEMA = sys.argv[1:]
KEPT = [('jool', 'jool.json'), ('jool', 'jool-least.json'), ('tayga', 'tayga.conf'), ('tayga', 'tayga-home.conf')]
N_MUTATIONS = 60  # of each kept file
SEED = 6146

number = 0
failed = 0


def result(name, problem):
    global number, failed
    number += 1
    failed += bool(problem)
    print(f'{"not ok" if problem else "ok"} {number} {name}')
    if problem:
        print('# ' + str(problem).replace('\n', '\n# '))
    sys.stdout.flush()


def run(program, path, *options):
    done = subprocess.run([NAT64CTL, *options, 'import', program, path], capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def run_bytes(program, content, *options):
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        status, out, err = run(program, file.name, *options)
        return status, out.replace(os.path.basename(file.name), 'FILE'), err.replace(file.name, 'FILE')


def is_refused(text):
    """What nat64d says against it; None if it takes it."""
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as file:
        file.write(text)
        file.flush()
        done = subprocess.run([NAT64D, '--config', file.name, '--check'], capture_output=True, timeout=60, check=False)
    return None if done.returncode == 0 else (done.stdout + done.stderr).decode() + text


def kept(program, name):
    status, out, err = run(program, os.path.join(FOLDER, name))
    expected = os.path.join(FOLDER, name + '.out')
    if os.environ.get('NAT64D_WRITE_EXPECTED'):
        with open(expected, 'w', encoding='utf-8') as file:
            file.write(out)
    with open(expected, encoding='utf-8') as file:
        wanted = file.read()
    if status != 0 or err != '' or out != wanted:
        return f'status {status}, {err}{out}\ninstead of\n{wanted}'
    return is_refused(out)


def in_json(program, name):
    status, out, _ = run(program, os.path.join(FOLDER, name), '--json')
    document = json.loads(out)
    with open(SCHEMA, encoding='utf-8') as file:
        jsonschema.validate(document, json.load(file))
    text = run(program, os.path.join(FOLDER, name))[1]
    if status != 0 or document['text'] != text:
        return 'its text is another'
    missing = [note for note in document['notes'] if f'# - {note}\n' not in text]
    return f'not in the text: {missing}' if missing else None


POOL6 = b'"global": {"pool6": "64:ff9b::/96"}'

# Whatever stands there, it is a line of the result, or the reason why there is none.
HOSTILE = [
    ('jool', b'', 1, 'FILE: line 1: that is no JSON'),
    ('jool', b'[1]', 1, 'FILE: that is no file of Jool\'s'),
    ('jool', b'{}', 1, 'FILE: that is no file of NAT64 Jool: it says no pool6'),
    ('jool', b'{"eamt": []}', 1, 'FILE: that is a file of SIIT Jool'),
    ('jool', b'{"a": ' * 100000, 1, 'no JSON'),
    ('jool', b'\xff\xfe{"global": 1}', 1, 'no JSON'),
    ('jool', b'{' + POOL6 + b', "global\\u0000": 1}', 1, 'no JSON'),
    ('jool', b'{"global": {"pool6": "2001:db8::1/96"}}', 0, '# - pool6, as Translation.Pool6: '),
    ('jool', b'{"global": {"pool6": "64:ff9b::/96\\n[Queue]\\nFirst=1"}}', 0,
     '# - pool6, as Translation.Pool6: it has control characters in it'),
    ('jool', b'{"global": {"pool6": ["64:ff9b::/96"]}}', 0, '# - pool6: it has no value that can be read'),
    ('jool', b'{' + POOL6 + b', "pool7\\n[Queue]\\nFirst=1": 5}', 0, '# - pool7?[Queue]?First=1: NAT64 Jool has no such'),
    ('jool', b'{"global": {"pool6": "64:ff9b::/96", "nonsense": 1}}', 0, '# - nonsense: NAT64 Jool has no such key'),
    ('jool', b'{"global": {"pool6": "64:ff9b::/96", "udp-timeout": "1:2:3:4"}}', 0,
     '# - udp-timeout 1:2:3:4: that is no time such as 0:05:00'),
    ('jool', b'{"global": {"pool6": "64:ff9b::/96", "udp-timeout": "999999999:59:59"}}', 0, '# - udp-timeout, as'),
    ('jool', b'{"global": {"pool6": "64:ff9b::/96", "udp-timeout": "nan"}}', 0, '# - udp-timeout nan: that is no time'),
    ('jool', b'{"global": {"pool6": "64:ff9b::/96", "udp-timeout": -5}}', 0, '# - udp-timeout -5: that is no time'),
    ('jool', b'{"global": {"pool6": "64:ff9b::/96", "lowest-ipv6-mtu": 9999999999999}}', 0, '# - lowest-ipv6-mtu, as'),
    ('jool', b'{"global": {"pool6": "64:ff9b::/96", "override-tos": true, "tos": 256}}', 0,
     '# - tos, as Translation.TypeOfService: '),
    ('jool', b'{"global": {"pool6": "64:ff9b::/96", "logging-bib": "maybe"}}', 0, '# - logging-bib maybe: it is true or'),
    # In Jool one goes without the other.
    ('jool', b'{"global": {"pool6": "64:ff9b::/96", "logging-bib": false, "logging-session": true}}', 0,
     '[Log]\nDestinations=yes\nBindings=yes\n'),
    ('jool', b'{"global": {"pool6": "64:ff9b::/96", "logging-session": true, "logging-bib": true}}', 0,
     '[Log]\nDestinations=yes\nBindings=yes\n'),
    ('jool', b'{' + POOL6 + b', "pool4": []}', 0, '# - pool4 is empty: as Jool, '),
    ('jool', b'{' + POOL6 + b', "pool4": [{"protocol": "SCTP", "prefix": "192.0.2.1"}]}', 0,
     '# - pool4: none of its rows could be taken; '),
    ('jool', b'{' + POOL6 + b', "pool4": [1, {}, {"protocol": "SCTP", "prefix": "192.0.2.1"}]}', 0,
     '# - pool4, row 3: it has no prefix, or no protocol'),
    ('jool', b'{' + POOL6 + b', "pool4": [{"protocol": "TCP", "prefix": "192.0.2.1/24"}]}', 0,
     '# - pool4, row 1: 192.0.2.1/24 has host bits set'),
    ('jool', b'{' + POOL6 + b', "pool4": [{"protocol": "TCP", "prefix": "interface:wan0"}]}', 0,
     '# - pool4, row 1: its prefix is no IPv4 prefix'),
    ('jool', b'{' + POOL6 + b', "pool4": [{"protocol": "TCP", "prefix": "192.0.2.1", "port range": "9-5"}]}', 0,
     '# - pool4, row 1, 192.0.2.1: 9-5 is reversed'),
    # Two rows that overlap, with ports that differ.
    ('jool', b'{' + POOL6 + b', "pool4": [{"protocol": "TCP", "prefix": "192.0.2.0/30", "port range": "5-9"},'
     b' {"protocol": "TCP", "prefix": "192.0.2.1", "port range": "7-20"}]}', 0, '# - [Pool4 p2]'),
    ('jool', b'{' + POOL6 + b', "bib": [{"protocol": "TCP", "ipv6 address": "2001:db8::1", "ipv4 address": 5}]}', 0,
     '# - bib, row 1: it takes a protocol'),
    # One side of a binding twice.
    ('jool', b'{' + POOL6 + b', "bib": [{"protocol": "TCP", "ipv6 address": "2001:db8::1#5", "ipv4 address": "192.0.2.1#5"},'
     b' {"protocol": "TCP", "ipv6 address": "2001:db8::1#5", "ipv4 address": "192.0.2.1#6"}]}', 0, '# - [Static bib2]'),
    ('jool', b'{' + POOL6 + b', "bib": [{"protocol": "UDP", "ipv6 address": "2001:db8::1#0", "ipv4 address": "192.0.2.1#0"}]}',
     0, '# - [Static bib1]'),
    ('jool', b'{' + POOL6 + b', "instance": "' + b'x' * 5000 + b'"}', 0, '...\n'),
    ('tayga', b'', 1, 'FILE: it says no prefix'),
    ('tayga', b'prefix 64:ff9b::/96\n\0', 1, 'FILE: that is no text'),
    ('tayga', b'\xff\xfe\n', 1, 'FILE: it says no prefix'),
    ('tayga', b'\xff\xfe\nprefix 64:ff9b::/96', 0, ': TAYGA has no such keyword'),
    ('tayga', b'prefix\nprefix 64:ff9b::/96', 0, '# - line 1, prefix: it has no value'),
    ('tayga', b'prefix 64:ff9b::/95\nprefix 64:ff9b::/96', 0, '# - prefix, as Translation.Pool6: '),
    ('tayga', b'prefix 2001:db8::/97', 0, '# - prefix, as Translation.Pool6: '),
    ('tayga', b'prefix nonsense\nprefix 64:ff9b::/96', 0, '# - line 1, prefix nonsense: that is no IPv6 prefix'),
    ('tayga', b'prefix 64:ff9b::/96\nmap 192.0.2.1', 0, '# - line 2, map 192.0.2.1 : it takes an IPv4 and an IPv6'),
    ('tayga', b'prefix 64:ff9b::/96\nmap 192.0.2.1 192.0.2.2', 0, '# - line 2, map 192.0.2.1 192.0.2.2: it takes'),
    ('tayga', b'prefix 64:ff9b::/96\nmap 192.0.2.1 2001:db8::1\nmap 192.0.2.1 2001:db8::1\n', 0, '# - [Pool4 map2]'),
    ('tayga', b'prefix 64:ff9b::/96\ndynamic-pool 192.0.2.1/24', 0, '# - [Pool4 dynamic] Addresses: 192.0.2.1/24 has host bits'),
    ('tayga', b'prefix 64:ff9b::/96\nwkpf-strict hello', 0, '# - line 2, wkpf-strict hello: it is yes or no'),
    ('tayga', b'prefix 64:ff9b::/96\nudp-cksum-mode fwd', 0, '# - udp-cksum-mode fwd: a checksum is computed'),
    ('tayga', b'prefix 64:ff9b::/96\n' + b'nonsense\n' * 5000, 0, '# - there is more that is not carried over'),
    ('tayga', b'# ' + b'x' * 5000000, 1, 'FILE: File too large'),
]


def hostile(program, content, wanted_status, wanted):
    status, out, err = run_bytes(program, content)
    if status != wanted_status or wanted not in out + err:
        return f'status {status}, {err[:2000]}{out[:2000]}'
    if status == 0:
        return f'stderr: {err}' if err else is_refused(out)
    return None if out == '' and err.count('\n') == 1 else f'{err[:2000]}{out[:2000]}'


def mutations(program, name):
    """Bytes of a good file, changed: a file that nat64d takes comes of it, or one sentence."""
    chance = random.Random(f'{SEED} {name}')
    with open(os.path.join(FOLDER, name), 'rb') as file:
        good = file.read()
    for i in range(N_MUTATIONS):
        content = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(content))
            match chance.randrange(4):
                case 0:
                    content[at] = chance.randrange(256)
                case 1:
                    del content[at:at + chance.randint(1, 40)]
                case 2:
                    content[at:at] = content[at:at + chance.randint(1, 200)]
                case 3:
                    content[at:at] = chance.choice([b'"', b'}', b'/129', b'-1', b'99999999999', b'\n', b'['])
        status, out, err = run_bytes(program, bytes(content))
        if status not in (0, 1) or (status == 1) != (err.count('\n') == 1):
            return f'mutation {i}: status {status}, {err}'
        problem = is_refused(out) if status == 0 else None
        if problem:
            return f'mutation {i}: {problem}'
    return None


for arguments in KEPT:
    result(f'{arguments[1]} becomes a configuration that is valid', kept(*arguments))
    result(f'{arguments[1]} in JSON', in_json(*arguments))
for i, arguments in enumerate(HOSTILE):
    result(f'{arguments[0]}: {arguments[3].strip()[:70]!r}', hostile(*arguments))
for arguments in KEPT:
    result(f'{arguments[1]} with bytes that are changed', mutations(*arguments))
missing = run('jool', '/nonexistent')
result('no such file', None if missing == (3, '', 'nat64ctl: /nonexistent: No such file or directory\n') else missing)
folder = run('tayga', '/')
result('a folder', None if folder == (1, '', 'nat64ctl: /: Is a directory\n') else folder)
endless = run('tayga', '/dev/zero')
result('a file without end', None if endless == (1, '', 'nat64ctl: /dev/zero: File too large\n') else endless)
print(f'1..{number}')
sys.exit(failed > 0)
