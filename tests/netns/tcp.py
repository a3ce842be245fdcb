#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The TCP cases of tcp.sh, all at the same time: most of them wait for a lifetime.

usage: tcp.py endpoint-independent|address-dependent|forbidden HELD_ADDRESS FIRST_HELD_PORT STATIC

HELD_ADDRESS and the ports after FIRST_HELD_PORT are pool4's, but no client has them unless it asks;
STATIC is the outer address of the static binding (its port: INSIDE_PORT).
"""
import asyncio
import sys

import tcp_crafted
import tcp_stacks
from crafted import Lab
from nodes import GATEWAY4, Node, run_together


async def main(kind, held_address, first_held, static):
    first = int(first_held)
    lab = Lab(held_address, range(first + 1, first + 100))
    if kind == "forbidden":
        return await run_together(tcp_crafted.cases_of_forbidden(lab))
    address_dependent = kind == "address-dependent"
    return await run_together(
        tcp_crafted.cases(lab, held_address == GATEWAY4, address_dependent) +
        tcp_stacks.cases(Node("client"), Node("client2"), Node("server"), address_dependent,
                         (static, tcp_stacks.INSIDE_PORT), (held_address, first)))


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(*sys.argv[1:])) else 1)
