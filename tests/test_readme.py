#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What README.md says about a real router: its commands are run as they stand there, but build
into a folder of their own and install below it; what came of them takes the configuration that is
shown.

test_readme.py SOURCES
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

SECTION = '## On a real router'


class Readme:
    def __init__(self, path):
        text = pathlib.Path(path).read_text(encoding='utf-8').split(SECTION + '\n')[1]
        self.text = text.split('\n## ')[0]
        self.commands = self.block('apt-get').replace('\\\n', ' ').splitlines()

    def block(self, word):
        """The first one of the section with this in it."""
        blocks = re.findall(r'^ *```\n(.*?)^ *```', self.text, re.MULTILINE | re.DOTALL)
        return textwrap.dedent(next(block for block in blocks if word in block))

    def command(self, words):
        return next(line for line in self.commands if line.startswith(words + ' '))


def run(command, **environment):
    done = subprocess.run(command, shell=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, f'{command}: status {done.returncode}: {done.stdout[-500:]}'
    return done.stdout


class Router:
    """Where it is installed: everything below one folder."""

    def __init__(self, sources, folder):
        self.sources, self.folder, self.root = sources, folder, folder + '/root'
        self.readme = Readme(sources + '/README.md')

    def here(self, command):
        """In place of the build folder beside the sources."""
        assert command.count('build-release') == 1, command
        return f'cd {self.sources} && ' + command.replace('build-release', self.folder + '/build')

    def packages(self):
        """All that building needs is named, and nothing else but what runs with it."""
        named = set(self.readme.command('apt-get install').split()[2:])
        needed = set(run(f'. {self.sources}/tools/packages.sh && echo "${{PACKAGES_BUILD[*]}}"'
                         .join(["bash -c '", "'"])).split())
        assert needed <= named, f'missing: {needed - named}'
        assert named - needed == {'scdoc', 'iptables'}, named - needed

    def setup(self):
        run(self.here(self.readme.command('meson setup')))

    def install(self):
        run(self.here(self.readme.command('meson install')), DESTDIR=self.root)
        for path in ('usr/sbin/nat64d', 'usr/bin/nat64ctl', 'etc/nat64d/nat64d.conf',
                     'usr/lib/systemd/system/nat64d.service',
                     'usr/share/dbus-1/system.d/org.nat64d1.conf'):
            assert os.path.exists(f'{self.root}/{path}'), f'{path} is not there'
        assert not os.path.exists(self.folder + '/build/tests'), 'the tests have been built'

    def versions(self):
        assert run(self.root + '/usr/sbin/nat64d --version').split() == \
            run(self.root + '/usr/bin/nat64ctl --version').replace('nat64ctl', 'nat64d').split()

    def configuration(self):
        folder = pathlib.Path(self.root, 'etc/nat64d/nat64d.conf.d')
        folder.mkdir(exist_ok=True)
        folder.joinpath('10-main.conf').write_text(self.readme.block('[Translation]'))
        printed = run(f'{self.root}/usr/sbin/nat64d --check --state-dir {self.folder} '
                      f'--config {self.root}/etc/nat64d/nat64d.conf')
        assert printed.endswith('/nat64d.conf: valid\n'), printed


def main():
    sources = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix='nat64d-readme-') as folder:
        router = Router(sources, folder)
        tests = (router.packages, router.setup, router.install, router.versions, router.configuration)
        print(f'1..{len(tests)}')
        for i, test in enumerate(tests, 1):
            try:
                test()
                print(f'ok {i} {test.__name__}')
            except (AssertionError, OSError, StopIteration) as problem:
                print(f'not ok {i} {test.__name__}\n# ' + str(problem).replace('\n', '\n# '))


main()
