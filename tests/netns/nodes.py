# SPDX-License-Identifier: GPL-2.0-or-later
"""
Sockets in the nodes of tools/topology.sh, all held by one process: it sees both ends of what it
does, and its cases wait at the same time instead of one after the other.

A case is a coroutine named after what it shows; its first line of documentation is its name in TAP.
It fails by an exception, whose words are shown.
"""
import asyncio
import ctypes
import ipaddress
import os
import socket
import traceback

CLONE_NEWNET = 0x40000000
POOL6 = os.environ["TOPOLOGY_POOL6"]
SERVER4 = os.environ["TOPOLOGY_SERVER4"]
SERVER6 = os.environ["TOPOLOGY_SERVER6"]
GATEWAY4 = os.environ["TOPOLOGY_GATEWAY4"]
GATEWAY6 = os.environ["TOPOLOGY_GATEWAY6"]
CLIENT6 = "2001:db8:1::2"
CLIENT2_6 = "2001:db8:2::2"
CASE_SECONDS = 60
ETH_P = {4: 0x0800, 6: 0x86dd}

libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """What a case expected and did not see."""


def require(true, *words):
    if not true:
        raise Failed(" ".join(str(word) for word in words))


def in_pool6(address4):
    return str(ipaddress.ip_address(POOL6) + int(ipaddress.ip_address(address4)))


class Node:
    """A network namespace. Sockets stay where they were made."""

    def __init__(self, name):
        self.namespace = os.open("/run/netns/%s-%s" % (os.environ["TOPOLOGY_NAME"], name),
                                 os.O_RDONLY | os.O_CLOEXEC)

    def socket(self, family, kind, protocol=0, bind=None):
        home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.enter(self.namespace)
            made = socket.socket(family, kind, protocol)
        finally:
            self.enter(home)
            os.close(home)
        made.setblocking(False)
        if bind is not None:
            # Not for a port of the kernel's choice, which two sockets that share may get at once.
            if bind[1] != 0:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(bind)
        return made

    @staticmethod
    def enter(namespace):
        if libc.setns(namespace, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def udp(self, address, port=0):
        return self.socket(family_of(address), socket.SOCK_DGRAM, 0, (address, port))

    def tcp(self, address, port=0):
        return self.socket(family_of(address), socket.SOCK_STREAM, 0, (address, port))

    def listener(self, address, port):
        made = self.tcp(address, port)
        made.listen()
        return made

    def wire(self, device, version):
        """Whatever arrives at the device, whole IP packets: both ways of a veth's end."""
        made = self.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        made.bind((device, ETH_P[version]))
        return made


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


async def datagram(made, seconds=5):
    """The next datagram and its sender's (address, port)."""
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    loop.add_reader(made, lambda: readable.done() or readable.set_result(None))
    try:
        await asyncio.wait_for(readable, seconds)
    except asyncio.TimeoutError:
        raise Failed("no datagram within %s s at port %d" % (seconds, made.getsockname()[1]))
    finally:
        loop.remove_reader(made)
    data, sender = made.recvfrom(65536)
    return data, sender[:2]


async def connect(made, address, port, seconds=5):
    try:
        await asyncio.wait_for(
            asyncio.get_running_loop().sock_connect(made, (address, port)), seconds)
    except asyncio.TimeoutError:
        raise Failed("no connection to %s port %d within %s s" % (address, port, seconds))


async def accept(listener, seconds=5):
    """A connection and its peer's (address, port)."""
    try:
        made, peer = await asyncio.wait_for(
            asyncio.get_running_loop().sock_accept(listener), seconds)
    except asyncio.TimeoutError:
        raise Failed("nobody came to port %d within %s s" % (listener.getsockname()[1], seconds))
    made.setblocking(False)
    return made, peer[:2]


async def send(made, data, seconds=10):
    await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(made, data), seconds)


async def receive(made, size=None, seconds=10):
    """So many bytes, or all until the peer's FIN."""
    loop, data = asyncio.get_running_loop(), b""
    while size is None or len(data) < size:
        try:
            piece = await asyncio.wait_for(
                loop.sock_recv(made, 65536 if size is None else size - len(data)), seconds)
        except asyncio.TimeoutError:
            raise Failed("%d bytes, and nothing more for %s s" % (len(data), seconds))
        if not piece:
            break
        data += piece
    return data


async def nat64ctl_all(*words):
    """Exit status, output, and what it said on standard error."""
    process = await asyncio.create_subprocess_exec(
        os.environ["NAT64CTL"], *words, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE)
    text, said = await process.communicate()
    return process.returncode, text.decode(), said.decode()


async def nat64ctl(*words):
    status, text, said = await nat64ctl_all(*words)
    require(status == 0, "nat64ctl", *words, "ended with", status, said)
    return text


async def run_case(case):
    """Its lines of TAP; True if it passed."""
    name = " ".join(case.__doc__.split())
    try:
        await asyncio.wait_for(case(), CASE_SECONDS)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        lines = ["%s: %s" % (type(error).__name__, error)]
        lines += ["%s:%d: %s" % (os.path.basename(frame.filename), frame.lineno, frame.line)
                  for frame in where
                  if os.path.dirname(frame.filename) == os.path.dirname(__file__)]
        return "\n".join(["not ok " + name, *("# " + line for line in lines)]), False
    return "ok " + name, True


async def run_together(cases):
    """Prints in the cases' order, whichever ends first."""
    results = await asyncio.gather(*(run_case(case) for case in cases))
    print(*(text for text, _ in results), sep="\n", flush=True)
    return all(passed for _, passed in results)
