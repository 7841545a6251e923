"""CBOR (RFC 8949) by hand: every byte is made here, none by the codec under test."""
import struct


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, form, top in ((24, "!B", 1 << 8), (25, "!H", 1 << 16), (26, "!I", 1 << 32), (27, "!Q", 1 << 64)):
        if n < top:
            return bytes([major << 5 | info]) + struct.pack(form, n)
    raise ValueError(n)


def encode(value):
    if isinstance(value, bool) or value is None:
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack("!d", value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    return head(5, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())


def loose(value):
    """The same value with indefinite lengths everywhere: text in chunks of three characters."""
    if isinstance(value, str):
        return b"\x7f" + b"".join(encode(value[i:i + 3]) for i in range(0, len(value), 3)) + b"\xff"
    if isinstance(value, list):
        return b"\x9f" + b"".join(map(loose, value)) + b"\xff"
    if isinstance(value, dict):
        return b"\xbf" + b"".join(loose(k) + loose(v) for k, v in value.items()) + b"\xff"
    return encode(value)


def decode(data):
    """The strict subset that the server writes: definite lengths, text keys, shortest heads; all of it."""
    value, rest = _item(data)
    assert rest == b"", rest
    return value


def _item(data):
    major, info, rest = data[0] >> 5, data[0] & 31, data[1:]
    if major == 7:
        return {20: False, 21: True, 22: None}[info], rest
    n = info
    if info >= 24:
        size = {24: 1, 25: 2, 26: 4, 27: 8}[info]
        n, rest = int.from_bytes(rest[:size], "big"), rest[size:]
        assert head(major, n) == data[:1 + size], "not the shortest head"
    if major == 0:
        return n, rest
    if major == 3:
        return rest[:n].decode(), rest[n:]
    if major == 4:
        items = []
        for _ in range(n):
            item, rest = _item(rest)
            items.append(item)
        return items, rest
    assert major == 5, major
    members = {}
    for _ in range(n):
        key, rest = _item(rest)
        assert isinstance(key, str) and key not in members
        members[key], rest = _item(rest)
    return members, rest
