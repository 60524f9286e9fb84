"""The raw-byte test cases that capture.py plays against a peer program.

A case names the peer's role and mode, its arguments and the tester's steps:

  open                connect to the peer (peer_mode 'bind')
  accept [LIMIT]      wait for the peer to connect (peer_mode 'connect')
  tx PART...          write the parts at once
  tx1 PART...         write the parts one byte at a time
  rx FRAMES LIMIT     read until the header and FRAMES frames have come, or LIMIT seconds passed
  idle SECONDS        read whatever comes during that time
  shut, close         half-close, close this connection
  use CONN            go on with that connection, counted from 0

A PART is bytes, a Frame (framed for the transport in use) or an Id (a frame that starts with the
id of the last request received). The names are those of vectors.json.
"""
import struct

PROTO = {'pair0': 0x10, 'pair1': 0x11, 'pub': 0x20, 'sub': 0x21, 'req': 0x30, 'rep': 0x31,
         'push': 0x50, 'pull': 0x51, 'surveyor': 0x62, 'respondent': 0x63, 'bus': 0x70}
REQ, REP = PROTO['req'], PROTO['rep']


def hello(proto, magic=b'\0SP\0', tail=b'\0\0'):
    """The connection header."""
    return magic + struct.pack('>H', proto) + tail


def u32(*words):
    return b''.join(struct.pack('>I', w) for w in words)


class Frame:
    """A message that still needs its transport framing; length and lead may be told wrong."""

    def __init__(self, body, length=None, lead=1):
        self.body, self.length, self.lead = body, length, lead

    def encode(self, transport):
        length = len(self.body) if self.length is None else self.length
        out = struct.pack('>Q', length) + self.body
        return bytes([self.lead]) + out if transport == 'ipc' else out


class Id:
    """A message that echoes the id of the last one received, whole or spoilt."""

    def __init__(self, suffix=b'', prefix=b'', flip=0, cut=4):
        self.suffix, self.prefix, self.flip, self.cut = suffix, prefix, flip, cut

    def frame(self, word):
        word = bytearray(word)
        if word:
            word[0] ^= self.flip
        return Frame(self.prefix + bytes(word[:self.cut]) + self.suffix)


class Case:
    def __init__(self, name, role, mode, steps, args='', transports=('tcp', 'ipc'), why=''):
        self.name, self.role, self.mode, self.steps = name, role, mode, steps
        self.args, self.transports, self.why = args, transports, why


ASK = Frame(u32(0x80000001) + b'ok')  # a good request; also the probe after a bad one
PROBE = [('tx', ASK), ('idle', 0.5)]


def header_cases():
    def case(name, *steps, **kw):
        return Case('hello/' + name, 'rep', 'bind', [('open',), *steps], '-D pong', **kw)

    yield case('silent-client', ('idle', 1.0), why='who speaks first')
    yield case('good', ('tx', hello(REQ)), ('idle', 0.5))
    for i, what in enumerate(('zero', 'S', 'P', 'version')):
        magic = bytearray(b'\0SP\0')
        magic[i] ^= 0x01
        yield case('bad-byte%d-%s' % (i, what), ('tx', hello(REQ, bytes(magic))), ('idle', 1.0))
    yield case('http-get', ('tx', b'GET / HTTP/1.0\r\n\r\n'), ('idle', 1.0))
    yield case('reserved6', ('tx', hello(REQ, tail=b'\x01\0')), ('idle', 1.0))
    yield case('reserved7', ('tx', hello(REQ, tail=b'\0\x01')), ('idle', 1.0))
    for proto in (0x00, 0x10, 0x31, 0x21, 0x33, 0x3000, 0xffff):
        yield case('wrong-proto-%04x' % proto, ('tx', hello(proto)), ('idle', 1.0))
    yield case('wrong-proto-then-request', ('tx', hello(REP), ASK), ('idle', 1.0))
    yield case('byte-by-byte', ('tx1', hello(REQ)), ('rx', 0, 2), *PROBE)
    yield case('with-request-in-one-write', ('tx', hello(REQ), ASK), ('idle', 0.7))
    yield case('bad-half-then-stall', ('tx', b'XXXX'), ('idle', 1.5),
               why='is the header judged before it is complete')
    yield case('half-then-stall', ('tx', hello(REQ)[:4]), ('idle', 13.0), why='negotiation timeout')
    yield case('half-then-fin', ('tx', hello(REQ)[:4]), ('shut',), ('idle', 1.0))
    yield case('stall-one-serve-other', ('tx', hello(REQ)[:4]), ('idle', 0.1), ('open',),
               ('tx', hello(REQ), ASK), ('idle', 0.8),
               why='does an unfinished handshake block other connections')
    yield case('bad-one-serve-other', ('tx', hello(REQ, b'XXXX')), ('idle', 0.3), ('open',),
               ('tx', hello(REQ), ASK), ('idle', 1.0),
               why='time until a listener serves again after a bad header')


def rep_case(name, *steps, args='-D pong', **kw):
    greet = [('open',), ('tx', hello(REQ)), ('rx', 0, 2)]
    return Case('rep/' + name, 'rep', 'bind', [*greet, *steps], args, **kw)


def framing_cases():
    one, tcp_only = u32(0x80000001), ('tcp',)
    yield rep_case('empty-body', ('tx', Frame(b'')), ('idle', 0.5), *PROBE)
    yield rep_case('byte-by-byte', ('tx1', ASK), ('idle', 0.6))
    yield rep_case('two-in-one-write',
                   ('tx', Frame(one + b'a'), Frame(u32(0x80000002) + b'b')), ('idle', 0.7))
    yield rep_case('five-in-one-write',
                   ('tx', *[Frame(u32(0x80000001 + k) + b'x') for k in range(5)]), ('idle', 0.8))
    whole = ASK.encode('tcp')
    yield rep_case('split-in-body', ('tx', whole[:10]), ('idle', 0.2), ('tx', whole[10:]),
                   ('idle', 0.5), transports=tcp_only)
    for name, length in (('1MiB-plus-1', 0x100001), ('2GiB', 1 << 31), ('top-bit', 1 << 63),
                         ('62bit', 1 << 62)):
        yield rep_case('length-' + name, ('tx', Frame(one + b'hi', length)), ('idle', 1.0))
    yield rep_case('truncated-then-fin', ('tx', Frame(one + b'hi', 100)), ('shut',), ('idle', 1.0))
    yield rep_case('length-only-then-fin', ('tx', Frame(b'', 100)), ('shut',), ('idle', 1.0))
    yield rep_case('request-then-fin', ('tx', ASK), ('shut',), ('idle', 1.0))
    for lead in (0, 2, 0xff):
        yield rep_case('ipc-lead-%02x' % lead, ('tx', Frame(one + b'hi', None, lead)),
                       ('idle', 1.0), transports=('ipc',))
    for n in (5, 6, 7, 1000):
        yield rep_case('limit10-length-%d' % (n + 4), ('tx', Frame(one + b'x' * n)), ('idle', 0.5),
                       args='--recv-maxsz 10 -D pong')


def own_cases():
    """Lengths that overflow when anything is added. Never send these to another project's peer."""
    for back in (1, 2, 4, 8, 9, 12, 64, 4096):
        yield rep_case('length-2^64-minus-%d' % back,
                       ('tx', Frame(u32(0x80000001) + b'hi', (1 << 64) - back)), ('idle', 1.0))


def backtrace_cases():
    for n in (1, 2, 3):
        yield rep_case('short-body-%d' % n, ('tx', Frame(b'\x80\0\0\1'[:n])), ('idle', 0.6), *PROBE)
    yield rep_case('id-only', ('tx', Frame(u32(0x80000001))), ('idle', 0.5))
    yield rep_case('id-80000000', ('tx', Frame(u32(0x80000000) + b'q')), ('idle', 0.5))
    yield rep_case('id-ffffffff', ('tx', Frame(u32(0xffffffff) + b'q')), ('idle', 0.5))
    yield rep_case('no-high-bit-word-only', ('tx', Frame(u32(1))), ('idle', 0.6), *PROBE)
    yield rep_case('no-high-bit-hello', ('tx', Frame(u32(1) + b'hello')), ('idle', 0.6), *PROBE)
    for n in range(1, 21):
        transports = ('tcp', 'ipc') if n in (1, 7, 8) else ('tcp',)
        hops = u32(*range(1, n + 1))
        yield rep_case('hops-%02d-terminated' % n, ('tx', Frame(hops + u32(0x80000077) + b'q')),
                       ('idle', 0.5), *PROBE, transports=transports)
        yield rep_case('hops-%02d-unterminated' % n, ('tx', Frame(hops)), ('idle', 0.5), *PROBE,
                       transports=transports)


def req_cases():
    def case(name, *steps, args='-D ping', **kw):
        greet = [('accept', 5), ('tx', hello(REP)), ('rx', 0, 3), ('rx', 1, 3)]
        return Case('req/' + name, 'req', 'connect', [*greet, *steps], args, **kw)

    def bare(name, steps, why=''):
        return Case('req/' + name, 'req', 'connect', steps, '-D ping', ('tcp',), why)

    good = ('tx', Id(b'pong'))
    yield case('good', good, ('idle', 0.7))
    yield case('unknown-id', ('tx', Frame(u32(0x80000000) + b'bad')), ('idle', 0.4),
               good, ('idle', 0.6))
    yield case('id-without-high-bit', ('tx', Id(b'bad', flip=0x80)), ('idle', 0.4),
               good, ('idle', 0.6))
    yield case('extra-hop-before-id', ('tx', Id(b'bad', prefix=u32(5))), ('idle', 0.4),
               good, ('idle', 0.6))
    for n in range(4):
        yield case('short-reply-%d' % n, ('tx', Id(cut=n)), ('idle', 0.5), good, ('idle', 0.6))
    yield case('id-only-reply', ('tx', Id()), ('idle', 0.6))
    yield case('duplicate-reply', ('tx', Id(b'one'), Id(b'two')), ('idle', 0.8),
               args='-D ping -i 1')
    yield case('close-after-request', ('close',), ('accept', 4), ('tx', hello(REP)), ('idle', 1.0),
               good, ('idle', 0.5), why='resend on connection loss, same id or not')
    yield case('interval-ids', good, ('idle', 1.3), good, ('idle', 1.3), good, ('idle', 0.3),
               args='-D ping -i 1', why='id sequence')
    mistaken = [('tx', hello(REQ)), ('idle', 0.3)]
    yield bare('wrong-proto',
               [('accept', 5), *mistaken, ('accept', 3), *mistaken, ('accept', 3)],
               'dialer reaction to a wrong peer protocol and time to redial')
    yield bare('bad-magic',
               [('accept', 5), ('tx', hello(REP, b'XXXX')), ('idle', 0.3), ('accept', 4),
                ('tx', hello(REP)), ('idle', 0.5)])
    again = [('accept', 4), ('tx', hello(REP)), ('idle', 0.1), ('close',)]
    yield bare('redial-timing',
               [('accept', 5), ('tx', hello(REP)), ('idle', 0.2), ('close',), *(again * 4)],
               'time from loss of the connection to the next attempt')


def pair_case(role, name, *steps, args=''):
    greet = [('open',), ('tx', hello(PROTO[role])), ('rx', 0, 2)]
    return Case('%s/%s' % (role, name), role, 'bind', [*greet, *steps], args)


def pair_cases(role, word, other):
    """`word` is in front of every message."""
    def case(name, *steps, args=''):
        return pair_case(role, name, *steps, args=args)

    own = hello(PROTO[role])
    yield case('send', ('idle', 0.8), args='-D hey')
    yield case('recv', ('tx', Frame(word + b'hey')), ('idle', 0.5))
    yield case('recv-empty', ('tx', Frame(word), Frame(word + b'z')), ('idle', 0.5))
    yield case('second-peer', ('idle', 0.2), ('open',), ('tx', own), ('tx', Frame(word + b'two')),
               ('idle', 1.0), ('use', 0), ('tx', Frame(word + b'one')), ('idle', 0.4))
    yield Case(role + '/other-version', role, 'bind',
               [('open',), ('tx', hello(PROTO[other])), ('idle', 0.8)])
    yield case('replace-peer', ('idle', 0.2), ('close',), ('idle', 0.3), ('open',),
               ('tx', own, Frame(word + b'new')), ('idle', 0.6))


def hop_cases():
    for hops in (0, 1, 7, 8, 9, 0xfe, 0xff, 0x100, 0x01000001, 0x80000001):
        yield pair_case('pair1', 'hop-%x' % hops, ('tx', Frame(u32(hops) + b'hey')), ('idle', 0.4),
                        ('tx', Frame(u32(1) + b'probe')), ('idle', 0.4))
    for n in range(4):
        yield pair_case('pair1', 'short-%d' % n, ('tx', Frame(b'\0\0\0\1'[:n])), ('idle', 0.6))


def all_cases():
    yield from pair_cases('pair0', b'', 'pair1')
    yield from pair_cases('pair1', u32(1), 'pair0')
    for part in (header_cases, framing_cases, backtrace_cases, req_cases, hop_cases):
        yield from part()
