"""Stored bytes that are made to cost: each is a counted miss, within a second or two and a few hundred megabytes.

Each runs in a process of its own, since the highest use of memory is a process's.
"""

import subprocess
import sys
import textwrap
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor._values.codec import Codec
from frescor._values.untrusted import MOST_ITEMS, SMALL

SECONDS = 3.0
MEGABYTES = 400

# What a process needs to write an entry that nothing vouches for, under the key of a call, and to read it.
START = """
import dataclasses, resource, struct, time
import msgspec
from backports import zstd
from frescor import Cache, Policy
from frescor._values.codec import Codec
from frescor._values.entry import Entry, Packing
from frescor._store.memory import MemoryStore
from frescor._values.tags import entry_tags

P = 2**61 - 1
pack = msgspec.msgpack.encode
ext = lambda code, content: pack(msgspec.msgpack.Ext(code, content))
frame = lambda size, payload: b"z" + zstd.compress(payload * size, 19)
cache = Cache.from_url("memory://", "test")
policy = Policy(name="p", expire=60)


@dataclasses.dataclass
class Row:
    ids: set[int]
    rest: dict[str, int]


def megabytes(name):
    (line,) = [line for line in open("/proc/self/status") if line.startswith(name)]
    return int(line.split()[1]) // 1024


def big(value):
    return ext(10, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def attack(payload, returns=object):
    def load() -> returns:
        return Row({1}, {}) if returns is Row else "loaded"

    load.__annotations__["return"] = returns
    expected = cache.get_or_load("p:1", load, policy)
    store = cache.store
    genuine = Packing().unpack("p:1", store._items["e:p:1"].value)
    data = Packing().pack("p:1", msgspec.structs.replace(genuine, payload=b""))[:-4]
    data += payload
    from frescor._values.entry import _CHECKSUM, _checksum
    data += _CHECKSUM.pack(_checksum("p:1", data))
    store._items["e:p:1"].value = data
    # No more than that, whatever is wrong; and the highest use is counted from here.
    size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 4 * MEGABYTES * 2**20,) * 2)
    used = megabytes("VmRSS")
    open("/proc/self/clear_refs", "w").write("5")
    before, began = cache.stats()["p"].errors, time.perf_counter()
    value = cache.get_or_load("p:1", load, policy)
    took = time.perf_counter() - began
    grown = megabytes("VmHWM") - used
    assert took < SECONDS, f"took {took:.1f} s"
    assert grown < MEGABYTES, f"took {grown} MB"
    if REFUSED:
        assert value == expected, f"got {str(value)[:80]}"
        assert cache.stats()["p"].errors == before + 1
    print(f"{len(data)} bytes, {took:.2f} s, {grown} MB")
"""

# What is refused.
REFUSED = {
    "a frame of 700 MB": 'attack(frame(708 * 2**20, b"\\0"))',
    "a frame of 64 MiB of empty lists": 'attack(frame(64 * 2**20, b"n\\x90"))',
    "a frame that says nothing of its size": """
        compressor = zstd.ZstdCompressor()
        attack(b"z" + b"".join(compressor.compress(b"n" + bytes(2**20)) for _ in range(200)) + compressor.flush())
        """,
    "a frame that wants a window of 2 GiB": """
        options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.enable_long_distance_matching: 1}
        attack(b"z" + zstd.compress(b"n" + bytes(2**28), options=options))
        """,
    "an array of four billion": 'attack(b"n\\xdd\\xff\\xff\\xff\\xff" + b"\\xc0" * 1000)',
    "arrays in arrays, each of a million": 'attack(b"n" + b"\\xdd\\x00\\x10\\x00\\x00" * 900)',
    "arrays in arrays, too deep": 'attack(b"n" + b"\\x91" * 1_000_000)',
    "arrays of a million in tuples": """
        content = b"\\xdd\\x00\\x10\\x00\\x00"
        for _ in range(200):
            content = ext(1, content)
        attack(b"n" + content)
        """,
    "a map of four billion": 'attack(b"n\\xdf\\xff\\xff\\xff\\xff")',
    "bytes of four gigabytes": 'attack(b"n\\xc6\\xff\\xff\\xff\\xffab")',
    "tuples in tuples, too deep": """
        content = b"\\x90"
        for _ in range(3000):
            content = ext(1, b"\\x91" + content)
        attack(b"n" + content)
        """,
    "a set of colliding integers": """
        attack(b"n" + ext(2, b"\\xdd" + struct.pack(">I", 40_000) + b"".join(big(i * P) for i in range(40_000))))
        """,
    "a dictionary of colliding decimals": """
        parts = b"".join(ext(4, str(i * P).encode()) + b"\\x01" for i in range(40_000))
        attack(b"n" + ext(13, b"\\xdd" + struct.pack(">I", 80_000) + parts))
        """,
    "a map of colliding integers": """
        parts = b"".join(big(i * P) + b"\\x01" for i in range(40_000))
        attack(b"n\\xdf" + struct.pack(">I", 40_000) + parts)
        """,
    "a map of colliding UUIDs": """
        parts = b"".join(ext(5, (i * P).to_bytes(16, "big")) + b"\\x01" for i in range(40_000))
        attack(b"n\\xde" + struct.pack(">H", 40_000) + parts)
        """,
    "many maps of colliding integers": """
        one = b"\\xde" + struct.pack(">H", 2000) + b"".join(big(i * P) + b"\\x01" for i in range(2000))
        attack(b"n\\xdc" + struct.pack(">H", 30) + one * 30)
        """,
    "a map of arrays for keys": """
        parts = b"".join(b"\\x92" + pack(i) + pack(2**63 + i) + b"\\x01" for i in range(40_000))
        attack(b"n\\xde" + struct.pack(">H", 40_000) + parts)
        """,
    "many maps of arrays for keys": """
        one = b"\\xde\\x01\\xff" + b"".join(b"\\x92" + pack(i) + pack(2**63 + i) + b"\\x01" for i in range(511))
        attack(b"n\\xdc\\x00\\x65" + one * 101 + b"\\xc1")
        """,
    "a list in a hundred tuples": """
        content = b"\\xdd" + struct.pack(">I", 200_000) + b"\\x01" * 200_000
        for _ in range(200):
            content = ext(1, b"\\x91" + content)
        attack(b"n" + content)
        """,
    "a large map deep within a tuple": """
        parts = b"".join(b"\\x92" + pack(i) + pack(i) + b"\\x01" for i in range(3000))
        inner = b"\\xde" + struct.pack(">H", 3000) + parts
        attack(b"n" + ext(1, b"\\x92\\xa3abc" + ext(1, b"\\x91" + inner)))
        """,
    "a set of colliding integers in a field": """
        row = [Codec(Row)._records[Row].name]
        ids = ext(2, b"\\xdd" + struct.pack(">I", 40_000) + b"".join(big(i * P) for i in range(40_000)))
        attack(b"n" + ext(11, b"\\x93" + pack(row[0]) + ids + b"\\x80"), Row)
        """,
    "an array of numpy's of a million million numbers": """
        shape = ext(1, b"\\x91" + pack(10**12))
        content = ext(1, b"\\x95" + pack("<f8") + shape + pack("C") + pack(True) + pack(b"abc"))
        attack(b"n" + ext(17, b"\\x93" + pack("numpy.ndarray") + b"\\x01" + content))
        """,
    "a record that is an array of four billion": 'attack(b"t\\x82\\xa3ids\\xdd\\xff\\xff\\xff\\xff", Row)',
    "a list where there is a record": 'attack(b"n" + pack([1, 2]), Row)',
    "a year that is none, and an exponent": """
        attack(b"n" + ext(8, pack([10**9, 10**9, 10**18])))
        """,
    "a time zone that is a path": 'attack(b"n" + ext(6, pack(["2026-01-01T00:00:00", 0, "zone ../../etc/passwd"])))',
}
# What is read, since it says nothing wrong, and is bounded all the same.
BOUNDED = {
    "a frame of 256 KiB of empty lists": """
        attack(frame(1, b"n\\xdd" + struct.pack(">I", 2**18 - 6) + b"\\x90" * (2**18 - 6)))
        """,
    "a decimal of a large exponent": 'attack(b"n" + ext(4, b"1e999999999"))',
    "a decimal of a million digits in a set": """
        attack(b"n" + ext(2, b"\\x92" + b"".join(ext(4, b"1" * 10**6 + b"e%d" % n) for n in (1, 10**8))))
        """,
    "an integer of a million digits": 'attack(b"n" + big(10**1_000_000))',
    "integers that share their lower bits": """
        attack(b"n" + ext(2, b"\\xdd" + struct.pack(">I", 2**17) + b"".join(pack(i << 44) for i in range(2**17))))
        """,
}


def run(attack: str, *, refused: bool) -> str:
    code = (
        f"SECONDS, MEGABYTES, REFUSED = {SECONDS}, {MEGABYTES}, {refused}\n"
        + textwrap.dedent(START)
        + textwrap.dedent(attack)
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("attack", REFUSED.values(), ids=REFUSED)
def test_what_is_made_to_cost_is_a_counted_miss(attack: str) -> None:
    print(run(attack, refused=True))


@pytest.mark.parametrize("attack", BOUNDED.values(), ids=BOUNDED)
def test_what_says_nothing_wrong_costs_little(attack: str) -> None:
    print(run(attack, refused=False))


def test_values_that_share_a_hash_with_a_few_others_are_read() -> None:
    value: list[object] = [
        (x, y, Decimal(z), n) for x in (-1, -2) for y in (-1, -2) for z in (-1, -2) for n in range(200)
    ]
    value += value
    assert Codec().decode(Codec().encode(value), proven=False) == value


def test_large_dictionaries_are_read_and_keep_their_order() -> None:
    for size in (MOST_ITEMS, MOST_ITEMS + 1, 5000):
        value = {f"key {n}": n for n in range(size, 0, -1)}
        found = Codec().decode(Codec().encode([value]), proven=False)
        assert list(found[0].items()) == list(value.items())


@given(st.binary(max_size=200), st.integers(0, 300))
def test_any_bytes_within_a_value_are_read(data: bytes, before: int) -> None:
    # Whatever they look like: heads of large maps, too.
    data = bytes(before) + data + b"\xde\xff\xff\xdf\x00\x00\x10\x00" + bytes(SMALL)
    value = [data, {"text": data.decode("latin-1"), "numbers": list(data)}, tuple(data), ["x" * before, 1.5, 2**63]]
    assert Codec().decode(Codec().encode(value), proven=False) == value
