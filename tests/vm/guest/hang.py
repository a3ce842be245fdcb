#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stops the packet thread of a process, and nothing else of it, until the process has gone.

hang.py PID
"""

import ctypes
import os
import sys

PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207

pid = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def has_packets(thread):
    with open(f'/proc/{pid}/task/{thread}/comm', encoding='ascii') as file:
        return file.read() == 'packets\n'


def stop(thread):
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(request, thread, None, None) != 0:
            sys.exit(f'ptrace {request:#x}: {os.strerror(ctypes.get_errno())}')


threads = []
while not threads:
    threads = [int(thread) for thread in os.listdir(f'/proc/{pid}/task') if has_packets(thread)]
for thread in threads:
    stop(thread)
print('stopped', threads, flush=True)
try:
    while True:
        os.waitpid(-1, 0x40000000)  # __WALL
except ChildProcessError:
    pass
