#!/usr/bin/env python3
"""Replay the recorded vectors against a program and compare, event by event.

  replay.py --cmd 'spcat --{role} --{mode} {url} --hex {args}'     (placeholders: capture.py)
  replay.py --recorded FILE --label NAME                           compare a stored run instead

vectors.json holds what nng 1.12.0 did with the same bytes. Compared for each vector, in order:
connections made and accepted, every byte the peer sent, every close, what the peer printed, its
exit status, and the pace. Everything must be equal except what a rule below allows. One line is
printed per mismatch, the last line is 'N passed, N failed', and the exit status is 1 on failure.

Rules, each one function or constant of the same name:

  ids            Request ids start at random. In req vectors they are compared as id+N, counted
                 from the first id seen, in what the peer sends and in what the tester echoes. An
                 id without its top bit is not an id.
  any_close      'closed' and 'reset' are the same: it depends on bytes still unread.
  late_write     A write after the peer has closed may or may not be reported as failed, and that
                 before the tester has read of the close.
  fin_race       rep/request-then-fin: the reply, and printing the request, may or may not happen.
                 Both must be right when they do happen, and the connection must be closed.
  error_text     'Unable to dial on URL: ...': the words after the colon are the library's own.
  exit_race      The recording ended some req programs just before they ended by themselves: where
                 a reply was printed and nothing is repeated, the exit status must be 0.
  pace           What the peer does may come PACE_EARLY ms sooner or PACE_LATE ms later, counted
                 from the event before it, than in the recording.
  redial         A redial comes at a random time: REDIAL_MAX ms after the loss at the latest. The
                 first connection of a program has no bound but the tester's own 5 s.
  own_lengths    With --own, lengths near 2^64 are sent too, to the project's own programs only:
                 the connection must be closed as for a length of 2^62, with nothing printed.
"""
import argparse
import copy
import json
import os
import re
import sys

import capture
import cases

HERE = os.path.dirname(os.path.abspath(__file__))
PACE_EARLY, PACE_LATE = 500, 1000
REDIAL_MAX = 1000 + 500  # reconnect-time-min, and a busy machine
ID_SPACE = 0x80000000


class Ids:
    """Rule ids: the ids of one vector by name."""

    def __init__(self, vector):
        self.transport = vector['transport']
        self.active = vector['peer_role'] == 'req'
        self.first = self.last = None
        self.names = {}
        self.begun = set()

    def learn(self, body):
        word = int.from_bytes(body[:4], 'big')
        if len(body) < 4 or word < ID_SPACE:
            return
        if self.first is None:
            self.first = word
        self.last = body[:4]
        name = 'id+%d' % ((word - self.first) % ID_SPACE)
        self.names[body[:4]] = '<%s>' % name
        self.names[bytes([body[0] ^ 0x80]) + body[1:4]] = '<%s without top bit>' % name

    def name(self, body):
        if self.last and 0 < len(body) < 4 and body == self.last[:len(body)]:
            return '<first %d of id>' % len(body)
        for word, name in self.names.items():
            at = body.find(word)
            if at in (0, 4):
                return body[:at].hex() + name + body[at + 4:].hex()
        return body.hex()

    def show(self, event):
        """The bytes of an event, with ids by name."""
        if not self.active:
            return event['hex']
        data, key = bytes.fromhex(event['hex']), (event['conn'], event['dir'])
        header = b''
        if key not in self.begun:
            self.begun.add(key)
            header, data = data[:8], data[8:]
        frames, rest = capture.split_frames(data, self.transport)
        if event['dir'] == 'rx':
            for body in frames:
                self.learn(body)
        shown, at = [header.hex()], 0
        for body in frames:
            head = 9 if self.transport == 'ipc' else 8
            shown.append(data[at:at + head].hex() + ' ' + self.name(body))
            at += head + len(body)
        return ' '.join(filter(None, shown + [rest.hex()]))


def any_close(text):
    return 'peer closed' if text in ('peer closed', 'peer reset') else text


def late_write(event, vector):
    closes = [e['conn'] for e in vector['events'] if any_close(e.get('ev')) == 'peer closed']
    return event.get('ev', '').startswith('write failed') and event['conn'] in closes


def fin_race(vector, steps):
    if vector['name'] != 'rep/request-then-fin':
        return steps
    reply = '0000000000000008' + '80000001' + '706f6e67'
    reply = ('01' if vector['transport'] == 'ipc' else '') + reply
    return [s for s in steps if s['text'] != 'conn 0: received ' + reply]


def steps_of(vector):
    """The events as comparable text, each with the ms since the event before it."""
    ids, steps, before, lost = Ids(vector), [], 0, None
    for event in vector['events']:
        if late_write(event, vector):
            continue
        where = 'conn %d: ' % event['conn'] if 'conn' in event else ''
        step = {'wait': event['ms'] - before, 'peer': False, 'redial': None}
        if event.get('dir') == 'tx':
            step['text'] = where + 'sent ' + ids.show(event)
            if event['writes'] > 1:
                step['text'] += ' bytewise'
            if 'then_count' in event:
                step['text'] += ' then %d x %s' % (event['then_count'], event['then_byte'])
        elif event.get('dir') == 'rx':
            step.update(text=where + 'received ' + ids.show(event), peer=True)
        else:
            what = any_close(event['ev'])
            step.update(text=where + what, peer=what == 'peer closed')
            if what == 'accepted':
                step['redial'] = event['ms'] - lost if lost is not None else 0
            if what in ('peer closed', 'we close'):
                lost = event['ms']
        before = event.get('ms_last', event['ms'])
        steps.append(step)
    return fin_race(vector, steps)


def error_text(output):
    return re.sub(r'^(Unable to dial on [^ ]+): .*$', r'\1: ...', output, flags=re.M)


def printed(vector):
    output = error_text(vector['peer_output'])
    if vector['name'] == 'rep/request-then-fin' and output == '"\\x6f\\x6b"\n':
        return ''  # rule fin_race
    return output


def exit_race(want):
    once = want['peer_role'] == 'req' and ' -i ' not in want['peer_args']
    return 0 if once and want['peer_output'].startswith('"') else want['peer_exit']


def pace(want, got):
    if got['redial'] is not None and got['redial'] > REDIAL_MAX:
        return 'redialled %d ms after the loss, more than %d' % (got['redial'], REDIAL_MAX)
    if not got['peer'] or -PACE_EARLY <= got['wait'] - want['wait'] <= PACE_LATE:
        return None
    return '%s came after %d ms, recorded %d' % (got['text'], got['wait'], want['wait'])


def compare(want, got):
    """The mismatches of one vector, as text."""
    wrong = []
    if got['error']:
        wrong.append('the tester failed: ' + got['error'])
    a, b = steps_of(want), steps_of(got)
    for k in range(max(len(a), len(b))):
        x = a[k]['text'] if k < len(a) else 'nothing more'
        y = b[k]['text'] if k < len(b) else 'nothing more'
        if x != y:
            wrong.append('event %d: recorded "%s", now "%s"' % (k + 1, x, y))
            break
        late = pace(a[k], b[k])
        if late:
            wrong.append('event %d: %s' % (k + 1, late))
    if printed(want) != printed(got):
        wrong.append('printed: recorded %r, now %r' % (printed(want), printed(got)))
    if exit_race(want) != got['peer_exit']:
        wrong.append('exit status: recorded %s, now %s' % (exit_race(want), got['peer_exit']))
    return wrong


def own_lengths(vectors):
    """Rule own_lengths: vectors for own_cases(), made from the one with length 2^62."""
    model = {v['transport']: v for v in vectors if v['name'] == 'rep/length-62bit'}
    for case in cases.own_cases():
        frame = next(part for op, *parts in case.steps for part in parts
                     if isinstance(part, cases.Frame))
        for transport in case.transports:
            made = copy.deepcopy(model[transport])
            made['name'] = case.name
            sent = [e for e in made['events'] if e.get('dir') == 'tx']
            sent[-1]['hex'] = frame.encode(transport).hex()
            yield made


def load(path, label):
    with open(path) as f:
        doc = json.load(f)
    runs = [r for r in doc['runs'] if label in (None, r['label'])]
    if doc['format'] != capture.FORMAT or len(runs) != 1:
        sys.exit('%s: no single run to use' % path)
    return runs[0]['vectors']


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--cmd', help='the program to test')
    ap.add_argument('--recorded', metavar='FILE', help='compare this stored run instead')
    ap.add_argument('--label', help='the run in FILE to use')
    ap.add_argument('--own', action='store_true', help='the program is this project\'s')
    ap.add_argument('--only', default='', help='regular expression over vector names')
    ap.add_argument('--jobs', type=int, default=24)
    ap.add_argument('--keep', metavar='FILE', help='store what happened here')
    opt = ap.parse_args()
    if bool(opt.cmd) == bool(opt.recorded):
        ap.error('give either --cmd or --recorded')
    want = load(os.path.join(HERE, 'vectors.json'), None)
    if opt.own:
        want += own_lengths(want)
    want = {(v['name'], v['transport']): v for v in want if re.search(opt.only, v['name'])}
    if opt.cmd:
        known = {c.name: c for c in [*cases.all_cases(), *cases.own_cases()]}
        results = capture.capture(opt.cmd, [(known[n], t) for n, t in want], opt.jobs)
        if opt.keep:
            capture.store(opt.keep, {'label': opt.cmd, 'command': opt.cmd, 'vectors': results})
    else:
        results = load(opt.recorded, opt.label)
        for vector in results:
            vector['peer_exit'] = exit_race(vector)
    got = {(v['name'], v['transport']): v for v in results}
    failed = 0
    for key, vector in want.items():
        wrong = compare(vector, got[key]) if key in got else ['was not run']
        failed += 1 if wrong else 0
        for text in wrong:
            print('FAIL %s %s: %s' % (*key, text))
    print('%d passed, %d failed' % (len(want) - failed, failed))
    return 1 if failed or not want else 0


if __name__ == '__main__':
    sys.exit(main())
