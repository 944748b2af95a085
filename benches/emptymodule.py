"""Empty proxy-wasm modules, written as bytes: they are called, and decide nothing. They differ by what they are called
for, and one of them reads and replaces the headers, always by the same.

It is the price of WebAssembly in Envoy before the first useful instruction. Written by hand, because every SDK brings
an allocator, a table of contexts and host calls of its own.
"""

import struct

I32 = 0x7F
FUNCTION, MEMORY = 0, 2  # kinds of imports and exports
CONST, CALL, DROP, END = 0x41, 0x10, 0x1A, 0x0B  # instructions
READ, REPLACE = 0, 1  # the host calls, in the order of the imports
SCRATCH, HEADERS = 512, 65536  # places in memory

Callbacks = list[tuple[str, int, int | None]]

# What Envoy calls: name, number of i32 parameters, and what it returns, if anything.
FOR_HEADERS: Callbacks = [
    ("proxy_abi_version_0_2_1", 0, None),
    ("proxy_on_memory_allocate", 1, 1024),  # one place for all, as nobody reads what is put there
    ("proxy_on_vm_start", 2, 1),
    ("proxy_on_configure", 2, 1),
    ("proxy_on_context_create", 2, None),
    ("proxy_on_request_headers", 3, 0),
    ("proxy_on_response_headers", 3, 0),
    ("proxy_on_delete", 1, None),
]
# With those that pinhole makes use of, for bodies that answer HEAD and for trailers: for each piece, whoever asks.
WITH_BODIES: Callbacks = [
    *FOR_HEADERS,
    ("proxy_on_response_body", 3, 0),
    ("proxy_on_response_trailers", 2, 0),
]
# With the others that the SDK exports, and so pinhole's module, and a request can come to.
LIKE_THE_SDK: Callbacks = [
    *WITH_BODIES,
    ("proxy_on_request_body", 3, 0),
    ("proxy_on_request_trailers", 2, 0),
    ("proxy_on_done", 1, 1),
    ("proxy_on_log", 1, None),
]

# Which of them replaces which of the host's maps.
MAPS = {"proxy_on_request_headers": 0, "proxy_on_response_headers": 2}
Headers = list[tuple[str, str]]


def _number(value: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _signed(value: int) -> bytes:
    """Signed LEB128 of a value that is not negative: its last byte must not look like a sign."""
    unsigned = bytearray(_number(value))
    if unsigned[-1] & 0x40:
        unsigned[-1] |= 0x80
        unsigned.append(0)
    return bytes(unsigned)


def _vector(items: list[bytes]) -> bytes:
    return _number(len(items)) + b"".join(items)


def _section(number: int, items: list[bytes]) -> bytes:
    content = _vector(items)
    return bytes([number]) + _number(len(content)) + content


def _name(text: str) -> bytes:
    return _number(len(text)) + text.encode()


def _pairs(headers: Headers) -> bytes:
    """A map as the host takes it: how many, the lengths, then names and values with a zero behind each."""
    words = [(name.encode(), value.encode()) for name, value in headers]
    lengths = b"".join(struct.pack("<II", len(name), len(value)) for name, value in words)
    return struct.pack("<I", len(words)) + lengths + b"".join(name + b"\0" + value + b"\0" for name, value in words)


def _constants(*values: int) -> bytes:
    return b"".join(bytes([CONST]) + _signed(value) for value in values)


def _replacing(kind: int, place: int, length: int) -> bytes:
    """Reads the whole map, which the host puts where it is told to, and replaces it by what is at that place."""
    read = _constants(kind, SCRATCH, SCRATCH + 4) + bytes([CALL, READ, DROP])
    return read + _constants(kind, place, length) + bytes([CALL, REPLACE, DROP])


def module(callbacks: Callbacks, replaced: dict[str, Headers] | None = None) -> bytes:
    """The module with these callbacks. For what it does not export, Envoy does not enter the VM. The callbacks in
    `replaced` read their headers, and put these in their place."""
    call = b"\x60" + _vector([bytes([I32])] * 3) + _vector([bytes([I32])])
    names = ["proxy_get_header_map_pairs", "proxy_set_header_map_pairs"] if replaced else []
    types, functions, exports, codes = [call] * len(names), [], [], []
    imports = [_name("env") + _name(name) + bytes([FUNCTION]) + _number(index) for index, name in enumerate(names)]
    data = b""
    for index, (name, parameters, result) in enumerate(callbacks, len(imports)):
        results = [] if result is None else [bytes([I32])]
        types.append(b"\x60" + _vector([bytes([I32])] * parameters) + _vector(results))
        functions.append(_number(index))
        exports.append(_name(name) + bytes([FUNCTION]) + _number(index))
        body = b"" if result is None else _constants(result)
        if replaced and name in replaced:
            pairs = _pairs(replaced[name])
            body = _replacing(MAPS[name], HEADERS + len(data), len(pairs)) + body
            data += pairs
        code = _vector([]) + body + bytes([END])
        codes.append(_number(len(code)) + code)
    exports.append(_name("memory") + bytes([MEMORY, 0]))
    memory = [b"\x00" + _number(16)]  # pages of 64 KiB
    segment = b"\x00" + _constants(HEADERS) + bytes([END]) + _number(len(data)) + data
    sections = [(1, types), (2, imports), (3, functions), (5, memory), (7, exports), (10, codes), (11, [segment])]
    return b"\x00asm\x01\x00\x00\x00" + b"".join(_section(number, items) for number, items in sections)
