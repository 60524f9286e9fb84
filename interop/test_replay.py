#!/usr/bin/env python3
"""Proves that replay.py fails where it must: each test spoils one vector in one way."""
import copy
import unittest

import replay

VECTORS = {(v['name'], v['transport']): v for v in replay.load(replay.HERE + '/vectors.json', None)}


def events(vector, **wanted):
    return [e for e in vector['events'] if all(e.get(k) == v for k, v in wanted.items())]


class Replay(unittest.TestCase):
    def setUp(self):
        self.spoilt = 'hello/good', 'tcp'

    def take(self, name, transport='tcp'):
        self.spoilt = name, transport
        got = copy.deepcopy(VECTORS[self.spoilt])
        got['peer_exit'] = replay.exit_race(got)
        return got

    def accepts(self, got):
        self.assertEqual(replay.compare(VECTORS[self.spoilt], got), [])

    def refuses(self, got):
        self.assertNotEqual(replay.compare(VECTORS[self.spoilt], got), [])

    def test_every_vector_equals_itself(self):
        for name, transport in VECTORS:
            self.accepts(self.take(name, transport))

    def test_a_wrong_byte_anywhere_is_seen(self):
        for name, transport in VECTORS:
            if name in ('rep/request-then-fin', 'req/redial-timing'):
                continue
            for k, event in enumerate(VECTORS[name, transport]['events']):
                if event.get('dir') != 'rx':
                    continue
                for at in range(0, len(event['hex']), 2):
                    got = self.take(name, transport)
                    text = got['events'][k]['hex']
                    byte = '%02x' % (int(text[at:at + 2], 16) ^ 0x20)
                    got['events'][k]['hex'] = text[:at] + byte + text[at + 2:]
                    if not self.only_changes_first_id(name, transport, k, at):
                        self.refuses(got)

    def only_changes_first_id(self, name, transport, k, at):
        """The first id is random, so another value is as good where nothing later repeats it."""
        head = 2 * (8 + 8 + (transport == 'ipc'))
        return name.startswith('req/') and k == 2 and head <= at < head + 8

    def test_a_missing_or_added_reply_is_seen(self):
        got = self.take('rep/two-in-one-write')
        event = events(got, dir='rx')[-1]
        event['hex'] = event['hex'][:len(event['hex']) // 2]
        self.refuses(got)
        event['hex'] *= 3
        self.refuses(got)

    def test_replies_in_another_order_are_seen(self):
        got = self.take('rep/two-in-one-write')
        event = events(got, dir='rx')[-1]
        half = len(event['hex']) // 2
        event['hex'] = event['hex'][half:] + event['hex'][:half]
        self.refuses(got)

    def test_a_connection_left_open_or_closed_by_mistake_is_seen(self):
        got = self.take('hello/reserved6')
        got['events'].remove(events(got, ev='peer closed')[0])
        self.refuses(got)
        got = self.take('rep/hops-08-terminated')
        got['events'].append({'conn': 0, 'ev': 'peer closed', 'ms': 900, 'after_last_tx_ms': 500})
        self.refuses(got)

    def test_reset_for_closed_is_allowed(self):
        got = self.take('hello/http-get')
        events(got, ev='peer closed')[0]['ev'] = 'peer reset'
        self.accepts(got)

    def test_a_failed_write_is_allowed_only_when_the_peer_closed(self):
        got = self.take('req/short-reply-2', 'ipc')
        got['events'].remove(events(got, ev='write failed: BrokenPipeError')[0])
        self.accepts(got)
        got = self.take('pair0/second-peer', 'ipc')
        k = got['events'].index(events(got, dir='rx', conn=1)[0])
        got['events'].insert(k, {'conn': 1, 'ev': 'write failed: BrokenPipeError', 'ms': 321})
        self.accepts(got)
        got['events'][k]['conn'] = 0
        self.refuses(got)
        got = self.take('hello/good')
        got['events'].insert(2, {'conn': 0, 'ev': 'write failed: BrokenPipeError', 'ms': 31})
        self.refuses(got)

    def test_ids_must_count_up_by_one_and_have_the_top_bit(self):
        for change in (lambda w: w + 1, lambda w: w - 1, lambda w: w & 0x7fffffff):
            got = self.take('req/interval-ids')
            event = events(got, dir='rx')[1]
            word = change(int(event['hex'][16:24], 16))
            event['hex'] = event['hex'][:16] + '%08x' % word + event['hex'][24:]
            self.refuses(got)

    def test_a_resend_must_have_the_same_id(self):
        got = self.take('req/close-after-request')
        event = events(got, dir='rx', conn=1)[0]
        word = int(event['hex'][32:40], 16) + 1
        event['hex'] = event['hex'][:32] + '%08x' % word + event['hex'][40:]
        self.refuses(got)

    def test_another_first_id_is_allowed(self):
        got = self.take('req/interval-ids')
        for event in events(got):
            for k in range(3):
                event['hex'] = event.get('hex', '').replace('%08x' % (0xd4b83219 + k),
                                                            '%08x' % (0x80000000 + (k - 1) % 2**31))
        self.accepts(got)

    def test_printed_text_and_exit_status_are_compared(self):
        got = self.take('rep/byte-by-byte')
        got['peer_output'] += got['peer_output']
        self.refuses(got)
        got = self.take('req/bad-magic')
        got['peer_output'] = got['peer_output'].replace('Protocol error', 'other words')
        self.accepts(got)
        got['peer_output'] = ''
        self.refuses(got)
        for name, status in (('req/bad-magic', 0), ('req/good', None), ('hello/good', -11)):
            got = self.take(name)
            got['peer_exit'] = status
            self.refuses(got)

    def test_a_late_close_reply_or_redial_is_seen(self):
        got = self.take('hello/half-then-stall')
        events(got, ev='peer closed')[0]['ms'] -= 1000
        self.refuses(got)
        got = self.take('rep/byte-by-byte')
        events(got, dir='rx')[-1]['ms'] += 1100
        self.refuses(got)
        got = self.take('req/redial-timing')
        for event in got['events'][4:]:
            event['ms'] += 1600
        self.refuses(got)

    def test_a_request_before_fin_may_be_answered_but_rightly(self):
        for transport in ('tcp', 'ipc'):
            got = self.take('rep/request-then-fin', transport)
            lead = '01' if transport == 'ipc' else ''
            reply = {'conn': 0, 'dir': 'rx', 'ms': got['events'][-1]['ms'],
                     'hex': lead + '000000000000000880000001706f6e67'}
            got['events'].insert(-1, reply)
            self.accepts(got)
            reply['hex'] = reply['hex'].replace('6e67', '6e68')
            self.refuses(got)
            got['events'].pop(-2)
            got['events'].pop()
            self.refuses(got)

    def test_a_failure_of_the_tester_is_a_failure(self):
        got = self.take('hello/good')
        got['error'] = 'cannot connect'
        self.refuses(got)


if __name__ == '__main__':
    unittest.main()
