#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Talks to Metrics.Listen, well and badly.

scrape.py PLACE get FILE | refused | flood
"""

import http.client
import socket
import sys
import time

PATIENCE = 15

# What is sent, and how the answer begins.
WRONG = [
    (b'POST /metrics HTTP/1.1\r\n\r\n', b'HTTP/1.1 405 '),
    (b'GET / HTTP/1.1\r\n\r\n', b'HTTP/1.1 404 '),
    (b'GET /metricsandmore HTTP/1.1\r\n\r\n', b'HTTP/1.1 404 '),
    (b'GET /../metrics HTTP/1.1\r\n\r\n', b'HTTP/1.1 404 '),
    (b'nonsense\r\n\r\n', b'HTTP/1.1 400 '),
    (b'\r\n\r\n', b'HTTP/1.1 400 '),
    (b'GET  /metrics  HTTP/1.1\r\n\r\n', b'HTTP/1.1 400 '),
    (b'GET /metrics HTTP/1.1\r\nX: \0\r\n\r\n', b'HTTP/1.1 400 '),
    (b'GET /metrics HTTP/1.1\r\n' + b'X: ' + b'x' * 5000, b'HTTP/1.1 431 '),
    (b'GET /metrics HTTP/9.1\r\n\r\n', b'HTTP/1.1 400 '),
    # Right ones.
    (b'GET /metrics HTTP/1.0\n\n', b'HTTP/1.1 200 OK\r\n'),
    (b'GET /metrics?x=y HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n', b'HTTP/1.1 200 OK\r\n'),
]


def connect(place):
    if place.startswith('/'):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(place)  # which waits for a place in the queue
        connection.settimeout(PATIENCE)
        return connection
    address, port = place.rsplit(':', 1)
    return socket.create_connection((address.strip('[]'), int(port)), PATIENCE)


def read_all(connection):
    answer = b''
    try:
        while data := connection.recv(65536):
            answer += data
    except ConnectionResetError:
        pass
    return answer


def get(place, path):
    for method in 'HEAD', 'GET':
        client = http.client.HTTPConnection('localhost')
        client.sock = connect(place)
        client.request(method, '/metrics')
        answer = client.getresponse()
        assert answer.status == 200, answer.status
        kind = answer.getheader('Content-Type')
        assert kind == 'application/openmetrics-text; version=1.0.0; charset=utf-8', kind
        text = answer.read()
        assert (method == 'HEAD') == (text == b''), text
    assert int(answer.getheader('Content-Length')) == len(text)
    with open(path, 'wb') as file:
        file.write(text)


def refused(place):
    for request, wanted in WRONG:
        with connect(place) as connection:
            connection.sendall(request)
            answer = read_all(connection)
        assert answer.startswith(wanted), (request, answer[:200])
    # Byte by byte is all the same.
    with connect(place) as connection:
        for byte in b'GET /metrics HTTP/1.1\r\n\r\n':
            connection.sendall(bytes([byte]))
        assert read_all(connection).endswith(b'# EOF\n')


def flood(place):
    """More than have a place, who say nothing: who is too many is sent away, and they do not stay for long."""
    crowd = [connect(place) for _ in range(40)]
    for connection in crowd:
        connection.settimeout(0.5)
    gone = 0
    time.sleep(0.5)
    for connection in crowd:
        try:
            gone += connection.recv(1) == b''
        except (TimeoutError, ConnectionResetError) as error:
            gone += isinstance(error, ConnectionResetError)
    assert gone == 40 - 16, gone
    begin = time.monotonic()
    while True:
        with connect(place) as connection:
            try:
                connection.sendall(b'GET /metrics HTTP/1.1\r\n\r\n')
                if read_all(connection).endswith(b'# EOF\n'):
                    break
            except OSError:
                pass
        assert time.monotonic() - begin < PATIENCE, 'they stay'
        time.sleep(0.2)


def main():
    place, what, *rest = sys.argv[1:]
    {'get': get, 'refused': refused, 'flood': flood}[what](place, *rest)


main()
