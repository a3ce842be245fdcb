#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `meson install` puts where (INTERFACE, section 2), and that others can read it.

test_install.py MESON BUILD PREFIX DATADIR SYSCONFDIR
"""

import configparser
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

ACTIONS = ['read-bindings', 'manage-pool4', 'manage-bib', 'flush-sessions', 'configure']


def check_bus_policy(path):
    policies = ElementTree.parse(path).getroot()
    assert policies.tag == 'busconfig', policies.tag
    denied = policies.findall("policy[@context='default']/deny[@receive_member='ClientLimited']")
    assert len(denied) == 1, 'everyone hears who is limited'
    owners = [policy.attrib for policy in policies.iter('policy') if policy.find('allow[@own_prefix]') is not None]
    assert owners == [{'user': 'root'}, {'user': 'nat64d'}], owners


def check_polkit_policy(path):
    actions = ElementTree.parse(path).getroot().findall('action')
    assert [action.get('id') for action in actions] == ['org.nat64d1.' + name for name in ACTIONS]
    for action in actions:
        defaults = {default.tag: default.text for default in action.find('defaults')}
        assert defaults == {'allow_any': 'no', 'allow_inactive': 'no',
                            'allow_active': 'auth_admin_keep'}, defaults
        assert action.find('description').text and action.find('message').text


def check_activation(path):
    parser = configparser.ConfigParser()
    parser.optionxform = str
    parser.read(path)
    service = dict(parser['D-BUS Service'])
    assert service == {'Name': 'org.nat64d1', 'Exec': '/bin/false', 'User': 'nat64d',
                       'SystemdService': 'nat64d.service'}, service


def unit_check(name):
    def check(path):
        with open(path, encoding='utf-8') as file:
            lines = file.read().splitlines()
        assert 'BusName=' + name in lines
        assert not [line for line in lines if '@' in line.replace('@.service', '').replace('@%i', '')
                    and not line.startswith('SystemCallFilter')], 'something is not filled in'
    return check


def interface_check(name):
    def check(path):
        names = [node.get('name') for node in ElementTree.parse(path).getroot().iter('interface')]
        assert names == [name], names
    return check


def main():
    meson, build, prefix, datadir, sysconfdir = sys.argv[1:]
    data = os.path.join(prefix, datadir)
    files = {
        data + '/dbus-1/system.d/org.nat64d1.conf': check_bus_policy,
        data + '/dbus-1/system-services/org.nat64d1.service': check_activation,
        data + '/dbus-1/interfaces/org.nat64d1.xml': interface_check('org.nat64d1.Manager'),
        data + '/dbus-1/interfaces/org.nat64d1.Pool4.xml': interface_check('org.nat64d1.Pool4'),
        data + '/bash-completion/completions/nat64ctl': None,
        data + '/zsh/site-functions/_nat64ctl': None,
        data + '/nat64d/schemas/bib.json': None,
        data + '/nat64d/nat64d.rules.yml': None,
        data + '/nat64d/grafana-nat64d.json': None,
        prefix + '/lib/systemd/catalog/nat64d.catalog': None,
        data + '/polkit-1/actions/org.nat64d1.policy': check_polkit_policy,
        prefix + '/lib/sysusers.d/nat64d.conf': None,
        prefix + '/lib/systemd/system/nat64d.service': unit_check('org.nat64d1'),
        prefix + '/lib/systemd/system/nat64d@.service': unit_check('org.nat64d1.%i'),
        prefix + '/lib/systemd/system/nat64d-setup.service': None,
        prefix + '/lib/systemd/system/nat64d-setup@.service': None,
        os.path.join(prefix, sysconfdir) + '/nat64d/nat64d.conf': None,
    }
    # Without scdoc there are none.
    for page in ('nat64ctl.1', 'nat64d.8', 'nat64d.conf.5', 'org.nat64d1.5'):
        if os.path.exists(os.path.join(build, 'data/man', page)):
            files[f'{prefix}/share/man/man{page[-1]}/{page}'] = None
    print(f'1..{len(files)}')
    with tempfile.TemporaryDirectory(prefix='nat64d-install-') as root:
        done = subprocess.run([meson, 'install', '-C', build, '--no-rebuild', '--quiet'],
                              env={**os.environ, 'DESTDIR': root}, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            print('Bail out! meson install:', ' / '.join(done.stdout.splitlines()[-3:]))
            return
        for i, (path, check) in enumerate(files.items(), 1):
            try:
                assert os.stat(root + path).st_mode & 0o777 == 0o644, 'not readable for all'
                if check is not None:
                    check(root + path)
                print(f'ok {i} {path}')
            except (AssertionError, OSError, ElementTree.ParseError, configparser.Error,
                    KeyError) as problem:
                print(f'not ok {i} {path}: {problem}')


main()
