#!/usr/bin/env python3
"""Runs req, rep and pair of this library against other SP programs, in both directions.

  matrix.py --peer PEER --spcat SPCAT --other PEER_NNG [--venv DIR] [--only REGEX]

PEER, PEER_NNG  peer.c built against this library, and against the system's libnng
SPCAT           spcat.c built against this library
DIR             where the pynng environment is kept (made when missing); default build/venv

A cell is one pair of processes: who asks, who answers, which of them listens, the transport, the
size of a request. The asking side checks every reply byte for byte, the answering side counts; a
source of messages has a sink that checks them all. A
lost, repeated or spoilt message, a peer that hangs, fails or is missing, all fail the cell. One
line per cell, the last line is 'N passed, N failed', the exit status is 1 on failure.
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
COUNTS = {0: 300, 1: 300, 64: 10000, 65536: 200, 1 << 20: 20}  # requests, by size
LIMIT = 20  # seconds for one cell
TOTAL = 170  # seconds for all: what has not begun by then fails
TRANSPORTS = ('tcp', 'ipc', 'abstract')

numbers = iter(range(1, 1 << 30))
numbers_lock = threading.Lock()


class Failed(Exception):
    pass


class Process:
    """
    A peer whose output lines can be waited for, unless it is `quiet`: then they go nowhere. It never
    outlives its cell.
    """

    def __init__(self, command, quiet=False):
        self.log = tempfile.TemporaryFile()
        try:
            self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=self.log, encoding='latin-1',
                                      stdout=subprocess.DEVNULL if quiet else subprocess.PIPE)
        except OSError as e:
            raise Failed('cannot start %s: %s' % (command[0], e)) from e
        self.timer = threading.Timer(LIMIT, self.p.kill)
        self.timer.start()

    def errors(self):
        self.log.seek(0)
        return self.log.read(300).decode('latin-1').strip()

    def expect(self, wanted):
        line = self.p.stdout.readline().rstrip('\n')
        if line != wanted:
            raise Failed('wanted "%s", got "%s" %s' % (wanted, line, self.errors()))

    def end(self):
        """Ends its standard input and waits for it to leave by itself."""
        rest = self.p.communicate()[0]
        if self.p.returncode != 0 or rest:
            raise Failed('exit status %d, %s %s' % (self.p.returncode, rest, self.errors()))

    def stop(self):
        self.timer.cancel()
        self.p.kill()
        self.p.communicate()
        self.log.close()


class Roles:
    """What the peers of a cell do: the roles of peer.c, what they say, the word between them."""

    def __init__(self, ask, answer, asked, answered, word):
        self.ask, self.answer, self.asked, self.answered = ask, answer, asked, answered
        self.word = word


REQ_REP = Roles('req', 'rep', 'replies', 'echoed', 'asks')


class Cell:
    """`listens` is 'req' for the side that asks, or is the source, and 'rep' for the other."""

    def __init__(self, ask, answer, listens, transport, size, roles=REQ_REP):
        self.ask, self.answer, self.listens = ask, answer, listens
        self.transport, self.size, self.roles = transport, size, roles

    def name(self):
        asks, answers = self.ask, self.answer
        asks += ' (listens)' if self.listens == 'req' else ''
        answers += ' (listens)' if self.listens == 'rep' else ''
        return '%-18s %s %-18s %-8s %7d bytes' % (asks, self.roles.word, answers,
                                                  self.transport, self.size)

    def url(self, directory):
        with numbers_lock:
            number = next(numbers)
        if self.transport == 'ipc':
            return 'ipc://%s/%d' % (directory, number)
        if self.transport == 'abstract':
            return 'abstract://spry-matrix-%d-%d' % (os.getpid(), number)
        return 'tcp://127.0.0.1:%d' % free_port()


def free_port():
    """A port below the ephemeral range, not given out before by this run."""
    while True:
        with numbers_lock:
            port = 12000 + (os.getpid() * 7 + next(numbers)) % 8000
        with socket.socket() as s:
            try:
                s.bind(('127.0.0.1', port))
                return port
            except OSError:
                pass


def load_pair(cell, commands, directory):
    """Two load peers."""
    url, count = cell.url(directory), COUNTS[cell.size]
    order = ('rep', 'req') if cell.listens == 'rep' else ('req', 'rep')
    side = {}
    try:
        for role, mode in zip(order, ('listen', 'dial')):
            name, does = ((cell.ask, cell.roles.ask) if role == 'req'
                          else (cell.answer, cell.roles.answer))
            side[role] = Process([*commands[name], does, mode, url, str(count), str(cell.size)])
            side[role].expect('ready')
        side['req'].expect('%s %d' % (cell.roles.asked, count))
        side['rep'].expect('%s %d' % (cell.roles.answered, count))
        side['req'].end()
        side['rep'].end()
    finally:
        for process in side.values():
            process.stop()
    return '%d messages' % count


def text_of(size):
    return ('Spry and nng! ' * (size // 14 + 1))[:size]


def we_ask_nngcat(cell, commands, directory):
    """nngcat --rep answers every request with one text."""
    url, count, text = cell.url(directory), COUNTS[cell.size], text_of(min(cell.size, 65536))
    nngcat = ['nngcat', '--rep', '--raw', '-D', text]
    we = [*commands['spry'], 'req']
    args = [url, str(count), str(cell.size), text]
    side = []
    try:
        if cell.listens == 'rep':
            side.append(Process([*nngcat, '--bind', url], quiet=True))
            dial_when_up(side, [*we, 'dial', *args])
        else:
            side.append(Process([*we, 'listen', *args]))
            side[0].expect('ready')
            side.append(Process([*nngcat, '--connect', url], quiet=True))
        ours = side[-1] if cell.listens == 'rep' else side[0]
        ours.expect('replies %d' % count)
        ours.end()
    finally:
        for process in side:
            process.stop()
    return '%d requests' % count


def dial_when_up(side, command):
    """nngcat does not say when it listens: dial until it does, for 5 seconds."""
    end = time.time() + 5
    while True:
        process = Process(command)
        line = process.p.stdout.readline()
        if line == 'ready\n':
            side.append(process)
            return
        text = process.errors()
        process.stop()
        if time.time() > end:
            raise Failed('cannot dial: ' + text)
        time.sleep(0.05)


def nngcat_asks_us(cell, commands, directory):
    """Every nngcat --req asks once, prints the reply and leaves."""
    url, text = cell.url(directory), text_of(cell.size)
    nngcat = ['nngcat', '--req', '--raw', '-D', text]
    spcat = [*commands['spcat'], '--rep', '-D', text]
    bind, connect = (spcat, nngcat) if cell.listens == 'rep' else (nngcat, spcat)
    asked, side = 3, []
    try:
        if cell.listens == 'rep':
            side.append(Process([*bind, '--bind', url], quiet=True))
            for _ in range(asked):
                one_answer(side, [*connect, '--connect', url], text)
        else:
            asked = 1
            side.append(Process([*bind, '--bind', url]))
            side.append(spawn_until_up([*connect, '--connect', url], quiet=True))
            said(side[0], text)
    finally:
        for process in side:
            process.stop()
    return '%d requests' % asked


def spawn_until_up(command, quiet=False):
    end = time.time() + 5
    while True:
        process = Process(command, quiet)
        try:
            process.p.wait(0.2)
        except subprocess.TimeoutExpired:
            return process
        text = process.errors()
        process.stop()
        if time.time() > end:
            raise Failed('cannot dial: ' + text)


def one_answer(side, command, text):
    end = time.time() + 5
    while True:
        process = Process(command)
        side.append(process)
        output = process.p.communicate()[0]
        if process.p.returncode == 0:
            if output != text:
                raise Failed('nngcat printed %r' % output[:60])
            return
        if time.time() > end or 'refused' not in process.errors():
            raise Failed('nngcat: ' + process.errors())
        time.sleep(0.05)


def said(process, text):
    output = process.p.communicate()[0]
    if output != text or process.p.returncode != 0:
        raise Failed('exit status %d, printed %r %s'
                     % (process.p.returncode, output[:60], process.errors()))


def pair_with_nngcat(cell, commands, directory):
    """spcat and nngcat both send a text once and print what they receive."""
    url, text = cell.url(directory), text_of(cell.size)
    option, side = '--' + cell.roles.ask, {}
    programs = {'spry': [*commands['spcat'], option, '-D', 'from spcat ' + text],
                'nngcat': ['nngcat', option, '--raw', '-D', 'from nngcat ' + text]}
    binds, connects = ('nngcat', 'spry') if cell.listens == 'rep' else ('spry', 'nngcat')
    try:
        side[binds] = Process([*programs[binds], '--bind', url])
        side[connects] = spawn_until_up([*programs[connects], '--connect', url])
        heard(side['spry'], 'from nngcat ' + text)
        heard(side['nngcat'], 'from spcat ' + text)
    finally:
        for process in side.values():
            process.stop()
    return '2 messages'


def heard(process, text):
    output = process.p.stdout.read(len(text))
    if output != text:
        raise Failed('printed %r %s' % (output[:60], process.errors()))


def pair_cells():
    for version in ('pair0', 'pair1'):
        talk = Roles(version, version + '-echo', 'replies', 'echoed', version + ' asks')
        stream = Roles(version + '-source', version + '-sink', 'sent', 'got', version + ' to')
        for other in ('spry', 'nng', 'pynng'):
            for ask, answer in sorted({('spry', other), (other, 'spry')}):
                for transport in TRANSPORTS[:2]:
                    for listens in ('rep', 'req'):
                        for size in (0, 65536) if other == 'nng' else (64,):
                            yield Cell(ask, answer, listens, transport, size, talk), load_pair
                        for size in (1, 64, 1 << 20) if other == 'nng' else ():
                            yield Cell(ask, answer, listens, transport, size, stream), load_pair
        for transport in TRANSPORTS:
            for listens in ('rep', 'req'):
                cat = Roles(version, version, '', '', version + ' with')
                yield Cell('spry', 'nngcat', listens, transport, 64, cat), pair_with_nngcat


def cells():
    """(cell, function) of the whole matrix."""
    yield from pair_cells()
    for other in ('spry', 'nng', 'pynng'):
        pairs = {('spry', other), (other, 'spry')}
        for ask, answer in sorted(pairs):
            for transport in TRANSPORTS:
                for listens in ('rep', 'req'):
                    for size in COUNTS:
                        yield Cell(ask, answer, listens, transport, size), load_pair
    for transport in TRANSPORTS:
        for listens in ('rep', 'req'):
            for size in (1, 64, 65536):
                yield Cell('spry', 'nngcat', listens, transport, size), we_ask_nngcat
                yield Cell('nngcat', 'spry', listens, transport, size), nngcat_asks_us


def run(job, commands, directory, end):
    cell, function = job
    began = time.time()
    try:
        if began > end:
            raise Failed('no time left')
        what, good = function(cell, commands, directory), True
    except Failed as e:
        what, good = str(e), False
    except Exception as e:  # the cell's failure, not the matrix's end
        what, good = repr(e), False
    print('%s %s: %s, %.1f s' % ('ok  ' if good else 'FAIL', cell.name(), what,
                                 time.time() - began), flush=True)
    return good


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--peer', required=True)
    ap.add_argument('--spcat', required=True)
    ap.add_argument('--other', required=True)
    ap.add_argument('--venv', default=os.path.join(ROOT, 'build', 'venv'))
    ap.add_argument('--only', default='', help='regular expression over the lines')
    ap.add_argument('--jobs', type=int, default=2)
    opt = ap.parse_args()
    python = os.path.join(opt.venv, 'bin', 'python')
    pynng = os.path.join(HERE, 'peer_pynng.py')
    made = subprocess.run([sys.executable, pynng, '--make-venv', opt.venv], check=False,
                          timeout=300)
    if made.returncode != 0:
        print('FAIL no pynng: its cells fail below')
    commands = {'spry': [opt.peer], 'nng': [opt.other], 'pynng': [python, pynng],
                'spcat': [opt.spcat]}
    todo = [job for job in cells() if re.search(opt.only, job[0].name())]
    directory = tempfile.mkdtemp(prefix='spmx')
    end = time.time() + TOTAL
    try:
        with concurrent.futures.ThreadPoolExecutor(opt.jobs) as pool:
            results = list(pool.map(lambda job: run(job, commands, directory, end), todo))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print('%d passed, %d failed' % (results.count(True), results.count(False)))
    return 0 if results and all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
