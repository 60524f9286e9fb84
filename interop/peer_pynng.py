#!/usr/bin/env python3
"""The load peer of peer.c over pynng, which carries an nng of its own.

  peer_pynng.py ROLE dial|listen URL COUNT SIZE [REPLY]      as peer.c, without source and sink
  peer_pynng.py --make-venv DIR      makes a virtual environment with pynng in DIR, once

Outside an environment that has pynng, run it as DIR/bin/python peer_pynng.py ...
"""
import os
import subprocess
import sys
import venv

PYNNG = 'pynng==0.9.0'  # holds nng 1.11


def make_venv(directory):
    done = os.path.join(directory, PYNNG)
    if os.path.exists(done):
        return
    venv.create(directory, clear=True, with_pip=True)
    subprocess.run([os.path.join(directory, 'bin', 'python'), '-m', 'pip', 'install', '--quiet',
                    '--disable-pip-version-check', PYNNG], check=True)
    with open(done, 'w', encoding='ascii'):
        pass


def pattern(size, number):
    """A body that differs from number to number and from place to place."""
    seed = (number * 2654435761 + 12345).to_bytes(8, 'little')
    block = bytes((seed[k % 8] + 37 * k) & 0xff for k in range(251))
    return (block * (size // len(block) + 1))[:size]


def say(text):
    print(text, flush=True)


# recv() of pynng 0.9.0 fails on an empty message; recv_msg() does not.
def ask(socket, count, size, reply):
    for number in range(count):
        sent = pattern(size, number)
        socket.send(sent)
        got = socket.recv_msg().bytes
        if got != (reply if reply is not None else sent):
            sys.exit('reply %d: wrong, %d bytes' % (number, len(got)))
    say('replies %d' % count)


def echo(socket, count, size):
    for number in range(count):
        body = socket.recv_msg().bytes
        if len(body) != size:
            sys.exit('request %d: wrong size %d' % (number, len(body)))
        socket.send(body)
    say('echoed %d' % count)
    sys.stdin.read()


def main():
    if sys.argv[1:2] == ['--make-venv']:
        return make_venv(sys.argv[2])
    import pynng  # not before the environment is there
    role, mode, url, count, size = sys.argv[1:6]
    reply = sys.argv[6].encode() if len(sys.argv) > 6 else None
    kind, play = {'req': (pynng.Req0, ask), 'rep': (pynng.Rep0, echo),
                  'pair0': (pynng.Pair0, ask), 'pair0-echo': (pynng.Pair0, echo),
                  'pair1': (pynng.Pair1, ask), 'pair1-echo': (pynng.Pair1, echo)}[role]
    with kind() as socket:
        if mode == 'dial':
            socket.dial(url, block=True)
        else:
            socket.listen(url)
        say('ready')
        if play == ask:
            ask(socket, int(count), int(size), reply)
        else:
            echo(socket, int(count), int(size))


if __name__ == '__main__':
    main()
