#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nat64ctl setup and teardown: what they print against files, JSON against its schema, and whose
configuration they read. On a host of their own: a network namespace, and an /etc that is empty but for
the configuration.

test_setup.py NAT64D NAT64CTL EXPECTED SCHEMAS
"""
import difflib
import json
import os
import pathlib
import subprocess
import sys

INSIDE = 'NAT64D_TEST_INSIDE'
POOLS = '''[Pool4 main]
Addresses=203.0.113.8/29
[Pool4 own]
Addresses=192.0.2.1
Ports=20000-29999
Protocols=tcp udp
[Queue]
Workers=1
Rules=iptables
'''
# Beside the defaults, where they do not depend on the kernel.
CONFIGURATIONS = {
    'nat64d.conf': '[Translation]\nPool6=2001:db8:64::/96\n' + POOLS,
    'nat64d.conf.d/10.conf': '[Pool4 more]\nAddresses=203.0.113.32\n',
    'b.conf': '[Translation]\nPool6=2001:db8:65::/96\n' + POOLS,
    'b.conf.d/10.conf': '[Queue]\nFirst=6600\nMark=0x70000000/0xff000000\n',
    'wrong.conf': '[Translation]\nPool6=2001:db8:66::/96\n' + POOLS,
    'wrong.conf.d/10.conf': '[Queue]\nFirst=66000\n',
}
HOST = '''ip link set lo up
ip link add near type veth peer name far
ip address add 192.0.2.1/24 dev near
ip address add 2001:db8:1::1/64 dev near nodad
ip link set far up
ip link set near up
ip route add default via 192.0.2.2
ip -6 route add default via 2001:db8:1::2'''

# Arguments, exit status, and the file that has what is printed, or what stands on standard error.
CASES = (
    ('teardown --dry-run', 0, 'teardown_none.out'),
    ('setup --print', 0, 'setup_print.out'),
    ('setup --dry-run', 0, 'setup_print.out'),
    ('setup --print --json', 0, 'setup_print.json'),
    ('teardown --json', 0, 'teardown_none.json'),
    ('setup --json', 0, 'setup.json'),
    ('setup --json', 0, 'setup_again.json'),
    ('setup', 0, 'setup.out'),
    ('teardown --dry-run', 0, 'teardown_dry.out'),
    ('teardown --dry-run --json', 0, 'teardown_dry.json'),
    ('teardown --json', 0, 'teardown.json'),
    ('teardown', 0, 'teardown_none.out'),
    ('setup', 0, 'setup.out'),
    ('teardown', 0, 'teardown.out'),
    # An instance has its own file, its own drop-ins, its own table.
    ('-i b setup --print', 0, 'setup_print_instance.out'),
    ('-i b setup --json', 0, 'setup.json'),
    ('teardown', 0, 'teardown_none.out'),
    ('-i b teardown --json', 0, 'teardown.json'),
    ('-i b setup --print --config /etc/nat64d/nat64d.conf', 0, None),
    ('-i c setup', 1, '/etc/nat64d/c.conf: can not be read: No such file or directory\n'),
    ('-i wrong setup', 1, '/etc/nat64d/wrong.conf.d/10.conf:2: [Queue] First: '),
    ('setup --config /etc/nat64d/none', 1, '/etc/nat64d/none: can not be read: No such file or directory\n'),
)
# nat64d looks in the same places.
CHECKS = (
    ('--check', 0, '/etc/nat64d/nat64d.conf: valid\n'),
    ('--check --instance b', 0, '/etc/nat64d/b.conf: valid\n'),
    ('--check --instance wrong', 1, '/etc/nat64d/wrong.conf.d/10.conf:2: [Queue] First: '),
    ('--check --instance c', 1, '/etc/nat64d/c.conf: can not be read: No such file or directory\n'),
)


def enter():
    """The same program in fresh namespaces; or it is skipped."""
    unshare = ['unshare', '--net', '--mount']
    if os.geteuid() != 0:
        unshare.append('--map-root-user')
    if subprocess.run(unshare + ['true'], check=False, capture_output=True).returncode != 0:
        print('1..0 # SKIP namespaces are not permitted')
        sys.exit()
    os.environ[INSIDE] = '1'
    os.execvp('unshare', unshare + [sys.executable] + sys.argv)


def prepare():
    for folder in ('/etc', '/run'):
        subprocess.run(['mount', '-t', 'tmpfs', 'none', folder], check=True)
    for name, text in CONFIGURATIONS.items():
        path = pathlib.Path('/etc/nat64d', name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for line in HOST.splitlines():
        subprocess.run(line.split(), check=True)
    for key in ('ipv4/ip_forward', 'ipv6/conf/all/forwarding'):
        pathlib.Path('/proc/sys/net', key).write_text('0')


def validator(folder, command):
    """Of the schema, and no member that it does not tell of; None without jsonschema."""
    try:
        import jsonschema
        from check_schemas import strictly
    except (ImportError, SystemExit):
        return None
    commands = json.loads(subprocess.run([sys.argv[2], 'help', '--json'], check=True,
                                         capture_output=True).stdout)['commands']
    name = next(entry['schema'] for entry in commands if entry['command'] == command)
    schema = json.loads(pathlib.Path(folder, name + '.json').read_text())
    return jsonschema.Draft202012Validator(strictly(schema))


def check_text(printed, path):
    expected = pathlib.Path(path).read_text()
    if printed != expected:
        lines = difflib.unified_diff(expected.splitlines(), printed.splitlines(), str(path), 'printed')
        raise AssertionError('\n# '.join(lines))


def run(program, arguments, status, message):
    done = subprocess.run([program] + arguments.split(), check=False, capture_output=True, text=True)
    assert done.returncode == status, f'status {done.returncode}: {done.stderr}'
    assert message is None or message in done.stdout + done.stderr, done.stdout + done.stderr
    return done.stdout


def check_ctl(nat64ctl, expected, validators, arguments, status, what):
    is_file = what is not None and what.endswith(('.out', '.json'))
    printed = run(nat64ctl, arguments, status, None if is_file else what)
    if is_file:
        check_text(printed, pathlib.Path(expected, what))
    if '--json' in arguments:
        validator_of = validators['setup' if 'setup' in arguments else 'teardown']
        if validator_of is not None:
            validator_of.validate(json.loads(printed))


def main():
    nat64d, nat64ctl, expected, schemas = sys.argv[1:]
    if INSIDE not in os.environ:
        enter()
    prepare()
    validators = {command: validator(schemas, command) for command in ('setup', 'teardown')}
    tests = [(f'nat64ctl {case[0]}', lambda case=case: check_ctl(nat64ctl, expected, validators, *case))
             for case in CASES]
    tests += [(f'nat64d {case[0]}', lambda case=case: run(nat64d, *case)) for case in CHECKS]
    print(f'1..{len(tests)}')
    for i, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f'ok {i} {name}')
        except Exception as problem:  # of any kind, and the next one is tried
            print(f'not ok {i} {name}\n# {problem}')


main()
