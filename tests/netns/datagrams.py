#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The cases of datagrams.sh, all at the same time.

usage: datagrams.py STATIC (the outer address of the static binding, whose port is INSIDE_PORT)
"""
import asyncio
import sys

import datagrams_crafted
import datagrams_stacks
from crafted import Lab
from nodes import Node, run_together


async def main(static):
    return await run_together(
        datagrams_crafted.cases(Lab()) +
        datagrams_stacks.cases(Node("client"), Node("server"),
                               (static, datagrams_stacks.INSIDE_PORT)))


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(*sys.argv[1:])) else 1)
