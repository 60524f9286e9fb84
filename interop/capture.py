#!/usr/bin/env python3
"""Capture how an SP (Scalability Protocols) program reacts to raw bytes.

A peer program is started once per case of cases.py, over loopback TCP or a private UNIX socket,
and driven with raw bytes. Everything written and read is logged, with the time.

  capture.py --label NAME --cmd 'prog --{role} --{mode} {url} --hex {args}' [--out FILE]

{role}  req, rep, pair0 or pair1
{mode}  bind (the peer listens) or connect (the peer dials)
{url}   tcp://127.0.0.1:PORT or ipc://PATH
{args}  what the case needs: '-D TEXT' to send or to answer, '-i SECONDS' to repeat, and
        '--recv-maxsz N' to limit what the peer receives

--only REGEX picks cases by name. Without --out one line per case is printed; with it, the run
is stored in FILE, replacing one of the same label. Every case is bounded in time.
replay.py compares such a run with vectors.json.
"""
import argparse
import concurrent.futures
import json
import os
import re
import select
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import cases

FORMAT = 'sp-raw-vectors-1'
PORTS = iter(range(21000 + os.getpid() % 4000, 32000))  # below the usual ephemeral range
PORTS_LOCK = threading.Lock()
TEXT_MAX = 4000  # of what a peer printed


def bound_port():
    """A socket bound to a free loopback port."""
    while True:
        with PORTS_LOCK:
            port = next(PORTS)
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(('127.0.0.1', port))
            return s
        except OSError:
            s.close()


def split_frames(data, transport):
    """(frames, rest) of the bytes after a connection header."""
    lead, at, frames = (1 if transport == 'ipc' else 0), 0, []
    while len(data) >= at + lead + 8:
        length = int.from_bytes(data[at + lead:at + lead + 8], 'big')
        body = data[at + lead + 8:at + lead + 8 + length]
        if len(body) < length:
            break
        frames.append(body)
        at += lead + 8 + length
    return frames, data[at:]


class Conn:
    """The tester's end of one connection."""

    def __init__(self, sock):
        self.sock, self.received, self.state, self.last_tx_ms = sock, b'', 'open', 0


class Run:
    """One case against one fresh peer."""

    def __init__(self, command, case, transport):
        self.command, self.case, self.transport = command, case, transport
        self.conns, self.events, self.began = [], [], time.time()
        self.listener = self.peer = self.exit = None
        self.on_last_step = False
        self.dir = tempfile.mkdtemp(prefix='spcap')
        self.output = open(os.path.join(self.dir, 'output'), 'w+b')

    def ms(self):
        return int((time.time() - self.began) * 1000)

    def note(self, **event):
        event['ms'] = self.ms()
        self.events.append(event)

    def start(self):
        dials = self.case.mode == 'connect'
        if self.transport == 'tcp':
            s = bound_port()
            self.address = s.getsockname()
            url = 'tcp://127.0.0.1:%d' % self.address[1]
        else:
            self.address = os.path.join(self.dir, 's')
            url = 'ipc://' + self.address
            s = socket.socket(socket.AF_UNIX)
            if dials:
                s.bind(self.address)
        if dials:
            s.listen(8)
            self.listener = s
        else:
            s.close()
        line = self.command.format(role=self.case.role, mode=self.case.mode, url=url,
                                   args=self.case.args)
        self.peer = subprocess.Popen(shlex.split(line), stdin=subprocess.DEVNULL,
                                     stdout=self.output, stderr=subprocess.STDOUT)

    def adopt(self, sock, how):
        if self.transport == 'tcp':
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.conns.append(Conn(sock))
        self.note(conn=len(self.conns) - 1, ev=how)
        return len(self.conns) - 1

    def open(self, limit=5.0):
        end = time.time() + limit
        family = socket.AF_INET if self.transport == 'tcp' else socket.AF_UNIX
        while True:
            s = socket.socket(family)
            try:
                s.settimeout(1)
                s.connect(self.address)
                s.settimeout(5)
                return self.adopt(s, 'connected')
            except OSError as e:
                s.close()
                if time.time() > end:
                    raise RuntimeError('cannot connect: %s' % e) from e
                time.sleep(0.03)

    def accept(self, limit):
        ready, _, _ = select.select([self.listener], [], [], limit)
        if not ready:
            self.note(ev='no connection within %.1fs' % limit)
            return None
        s, _ = self.listener.accept()
        s.settimeout(5)
        return self.adopt(s, 'accepted')

    def read(self, i):
        conn = self.conns[i]
        try:
            data = conn.sock.recv(65536)
        except OSError:
            data = None
        if not data:
            conn.state = 'reset' if data is None else 'closed'
            self.note(conn=i, ev='peer ' + conn.state, after_last_tx_ms=self.ms() - conn.last_tx_ms)
            return
        conn.received += data
        last = self.events[-1]
        if last.get('dir') == 'rx' and last.get('conn') == i:
            last['hex'] += data.hex()
            last['ms_last'] = self.ms()
        else:
            self.note(conn=i, dir='rx', hex=data.hex())

    def pump(self, limit, until=lambda: False):
        """Read every open connection until the limit, or until() is true."""
        end = time.time() + limit
        while not until():
            live = {c.sock: i for i, c in enumerate(self.conns) if c.state == 'open'}
            left = end - time.time()
            if left <= 0 or (not live and self.on_last_step):
                return
            if not live:
                time.sleep(left)
                return
            ready, _, _ = select.select(list(live), [], [], left)
            for s in ready:
                self.read(live[s])

    def frames(self, i):
        return split_frames(self.conns[i].received[8:], self.transport)[0]

    def has(self, i, frames):
        conn = self.conns[i]
        return conn.state != 'open' or (len(conn.received) >= 8 and len(self.frames(i)) >= frames)

    def encode(self, i, part):
        if isinstance(part, cases.Id):
            got = self.frames(i)
            part = part.frame(got[-1][:4] if got else b'')
        return part.encode(self.transport) if isinstance(part, cases.Frame) else part

    def write(self, i, data, piecemeal):
        conn, head, tail = self.conns[i], data, {}
        if len(data) > 1024:  # shorten a long run of one byte at the end
            head = data.rstrip(data[-1:])
            tail = {'then_byte': data[-1:].hex(), 'then_count': len(data) - len(head)}
        writes = len(data) if piecemeal else 1
        self.note(conn=i, dir='tx', hex=head.hex(), writes=writes, **tail)
        conn.last_tx_ms = self.ms()
        try:
            if not piecemeal:
                conn.sock.sendall(data)
                return
            for k in range(len(data)):
                conn.sock.sendall(data[k:k + 1])
                time.sleep(0.004)
        except OSError as e:
            self.note(conn=i, ev='write failed: %s' % e.__class__.__name__)

    def half_close(self, i):
        self.note(conn=i, ev='we half-close')
        try:
            self.conns[i].sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self, i):
        self.note(conn=i, ev='we close')
        self.conns[i].state = 'we closed'
        self.conns[i].sock.close()

    def play(self):
        self.start()
        cur = None
        for k, (op, *arg) in enumerate(self.case.steps):
            self.on_last_step = k + 1 == len(self.case.steps)
            if op == 'open':
                cur = self.open()
            elif op == 'accept':
                cur = self.accept(*arg)
                if cur is None:
                    return
            elif op in ('tx', 'tx1'):
                self.write(cur, b''.join(self.encode(cur, part) for part in arg), op == 'tx1')
            elif op == 'rx':
                self.pump(arg[1], lambda: self.has(cur, arg[0]))
            elif op == 'idle':
                self.pump(*arg)
            elif op == 'use':
                cur = arg[0]
            elif op == 'shut':
                self.half_close(cur)
            elif op == 'close':
                self.close(cur)

    def stop(self):
        """The peer's exit status if it ends by itself, which it may when it left every connection;
        otherwise it is ended here."""
        left = self.conns and all(c.state in ('closed', 'reset') for c in self.conns[-1:])
        try:
            self.exit = self.peer.wait(2.0 if left and self.case.mode == 'connect' else 0.01)
            return
        except subprocess.TimeoutExpired:
            self.peer.terminate()
        try:
            self.peer.wait(2)
        except subprocess.TimeoutExpired:
            self.peer.kill()
            self.peer.wait()

    def finish(self):
        if self.peer:
            self.stop()
        for conn in self.conns:
            conn.sock.close()
        if self.listener:
            self.listener.close()
        self.output.seek(0)
        text = self.output.read(TEXT_MAX).decode('latin-1')
        self.output.close()
        text = re.sub(r'(127\.0\.0\.1:)\d+', r'\1PORT', text).replace(self.dir, 'DIR')
        shutil.rmtree(self.dir, ignore_errors=True)
        return text

    def reaction(self, i):
        """What came after the last write to connection i, in words."""
        replied = False
        for event in self.events:
            if event.get('conn') == i and 'dir' in event:
                replied = event['dir'] == 'rx'
        state = self.conns[i].state
        return '%s, %s' % ('replied' if replied else 'silent',
                           'left open' if state == 'open' else state)

    def result(self):
        error = None
        try:
            self.play()
        except Exception as e:  # recorded, so that one case never ends the run
            error = '%s: %s' % (e.__class__.__name__, e)
        text = self.finish()
        return {'name': self.case.name, 'transport': self.transport, 'peer_role': self.case.role,
                'peer_mode': 'listens' if self.case.mode == 'bind' else 'dials',
                'why': self.case.why, 'peer_args': self.case.args, 'events': self.events,
                'reaction': {str(i): self.reaction(i) for i in range(len(self.conns))},
                'peer_output': text, 'peer_exit': self.exit, 'error': error}


def capture(command, chosen, jobs):
    """The results of [(case, transport)], in that order; the longest cases start first."""
    def seconds(pair):
        return sum(step[-1] for step in pair[0].steps if step[0] == 'idle')

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        order = sorted(chosen, key=seconds, reverse=True)
        pending = {(c.name, t): pool.submit(Run(command, c, t).result) for c, t in order}
        return [pending[c.name, t].result() for c, t in chosen]


def store(path, run):
    doc = {'format': FORMAT, 'runs': []}
    if os.path.exists(path):
        with open(path) as f:
            doc = json.load(f)
    doc['runs'] = [r for r in doc['runs'] if r['label'] != run['label']] + [run]
    with open(path + '.tmp', 'w') as f:
        f.write('{"format": %s,\n "runs": [' % json.dumps(doc['format']))
        for k, r in enumerate(doc['runs']):
            f.write(',' if k else '')
            f.write('\n{"label": %s, "command": %s, "vectors": [\n'
                    % (json.dumps(r['label']), json.dumps(r['command'])))
            f.write(',\n'.join(json.dumps(v) for v in r['vectors']) + '\n]}')
        f.write('\n]}\n')
    os.replace(path + '.tmp', path)


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--label', required=True)
    ap.add_argument('--cmd', required=True)
    ap.add_argument('--out')
    ap.add_argument('--only', default='')
    ap.add_argument('--jobs', type=int, default=16)
    opt = ap.parse_args()
    chosen = [(c, t) for c in cases.all_cases() for t in c.transports if re.search(opt.only, c.name)]
    results = capture(opt.cmd, chosen, opt.jobs)
    if opt.out:
        store(opt.out, {'label': opt.label, 'command': opt.cmd, 'vectors': results})
    for v in results if not opt.out else []:
        print('%-34s %-4s %s%s' % (v['name'], v['transport'], v['reaction'],
                                   ' error: ' + v['error'] if v['error'] else ''))
    errors = sum(1 for v in results if v['error'])
    print('%s: %d cases, %d errors' % (opt.label, len(results), errors))
    return 1 if errors else 0


if __name__ == '__main__':
    sys.exit(main())
