#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of datagrams.sh, all at the same time."""
import asyncio
import sys

import datagrams_crafted
import datagrams_stacks
from crafted import Lab
from nodes import Node, run_together


async def main():
    return await run_together(datagrams_crafted.cases(Lab()) +
                              datagrams_stacks.cases(Node("client"), Node("server")))


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)
