"""Values to bytes and back, so that what a hit returns equals what the loader returned, in value and in type.

There are two encodings, told apart by the payload's first byte. Both are plain data, and neither can run code:

- natural: MessagePack, in which everything that MessagePack does not know (tuples, sets, Decimal, dates, …) is an
  extension of its own. It keeps every supported type exactly, whatever the annotation says.
- typed: msgspec's encoding by the return annotation, several times faster to decode. Used only for a value that was
  decoded again, when it was stored, without a difference.

Instances of classes (dataclasses, msgspec Structs, named tuples, Enums) are decoded only to classes that the return
annotation names: stored bytes choose among those, and can name no other.

Bytes without a proof, which a cache without secrets reads, are decoded with more care. What they may cost is limited
(see `_values.untrusted`), and a value that does not match the annotation is refused, unless this program's own loader
has returned such values before.
"""

import enum
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from frescor._values.annotations import fingerprint, named_in, type_name, typed_decoder
from frescor._values.conforming import conforming
from frescor._values.records import Record, is_record
from frescor._values.refused import only_annotated, why_not
from frescor._values.registered import coding_named, coding_of, settle
from frescor._values.scalars import FROM_BYTES, INTEGER, TO_BYTES, Unsupported, integer_bytes
from frescor._values.untrusted import DEEPEST, MOST_ITEMS, SMALL, Collisions, check_lengths, check_maps
from frescor.errors import EntryUnreadable, PolicyError

NATURAL, TYPED = b"n", b"t"

# The codes of extensions that contain MessagePack; those of values without parts are in `_values.scalars`.
_TUPLE, _SET, _FROZENSET = 1, 2, 3
_RECORD, _ENUM, _DICT = 11, 12, 13
_CODED = 17
_CONTAINERS = frozenset({_TUPLE, _SET, _FROZENSET, _RECORD, _ENUM, _DICT, _CODED})

# Values of these types need no conversion for MessagePack; nor do integers of up to 64 bits.
_SAME = frozenset({str, bool, float, bytes, type(None)})


class TooLarge(Exception):
    """A value that is too large for MessagePack, or whose encoding is too large for memory."""


class ValueCodec(Protocol):
    """Turns values into bytes and back."""

    def encode(self, value: object, *, policy: str | None = None) -> bytes:
        """The bytes of a value. Raises PolicyError for a value that cannot be kept exactly, and TooLarge for one that
        is too large to encode."""

    def decode(self, payload: bytes, *, proven: bool = True) -> Any:
        """A new value from these bytes. `proven`: whether a proof covers them. Raises EntryUnreadable for bytes that
        `encode` did not make."""


class Codec:
    """Encodes and decodes the values of one annotation (`Any` if there is none)."""

    def __init__(self, annotation: object = Any) -> None:
        self._named = frozenset(named_in(annotation))
        settle(self._named)
        self._records = {cls: Record(cls) for cls in self._named if is_record(cls) and coding_of(cls) is None}
        self._classes = {record.name: record for record in self._records.values()}
        self._encoder = msgspec.msgpack.Encoder()
        self._natural = msgspec.msgpack.Decoder(ext_hook=self._from_extension)
        self._careful = msgspec.msgpack.Decoder(ext_hook=self._from_unproven)
        self._typed = typed_decoder(annotation)
        self._conforms = conforming(annotation)
        # Whether this program's loaders have returned values that do not match the annotation.
        self._lenient = False
        self.fingerprint = fingerprint(annotation, named_in(annotation))

    def encode(self, value: object, *, policy: str | None = None) -> bytes:
        """The bytes of a value. Raises PolicyError, which says where and why, for a value that cannot be kept exactly,
        and TooLarge for one that is too large to encode."""
        try:
            natural = self._encoder.encode(self._wire(value))
        except (OverflowError, MemoryError) as error:
            raise TooLarge(str(error)) from error
        except Unsupported as error:
            place = "".join(reversed(error.path))
            where = f" at result{place}" if place else ""
            raise PolicyError(
                f"cannot cache the {type_name(type(error.value))}{where}: {error.reason}", policy=policy
            ) from error.__cause__
        except (UnicodeEncodeError, RecursionError) as error:
            raise PolicyError(
                f"cannot cache this value: {error}. Text must be valid Unicode, and a value must not contain itself.",
                policy=policy,
            ) from error
        if self._typed is not None:
            typed = self._typed_if_exact(value, natural)
            if typed is not None:
                return TYPED + typed
        self._lenient = self._lenient or not self._is_as_annotated(value)
        return NATURAL + natural

    def decode(self, payload: bytes, *, proven: bool = True) -> Any:
        """A new value from these bytes. `proven`: whether a proof covers them. Raises EntryUnreadable for bytes that
        `encode` did not make."""
        kind, body = payload[:1], memoryview(payload)[1:]
        try:
            if not proven:
                check_lengths(body)
            if kind == NATURAL:
                return self._natural.decode(body) if proven else self._decode_unproven(payload[1:])
            if kind == TYPED and self._typed is not None:
                return self._typed.decode(body)
        except Exception as error:  # hostile bytes may raise anything in a constructor; for the reader it is a miss
            raise EntryUnreadable("the stored value cannot be decoded: it is loaded again") from error
        raise EntryUnreadable("the stored value has an encoding that this program does not use: it is loaded again")

    def _decode_unproven(self, body: bytes) -> Any:
        if len(body) < SMALL:
            value = self._careful.decode(body)
        else:
            check_maps(body, _CONTAINERS)
            collisions, depth = Collisions(), 0

            def counted(code: int, data: memoryview) -> Any:
                nonlocal depth
                depth += 1
                if depth > DEEPEST:
                    raise ValueError("nested too deep")
                made = self._made(code, data, decoder, careful=True)
                depth -= 1
                collisions.count(made)
                return made

            decoder = msgspec.msgpack.Decoder(ext_hook=counted)
            value = decoder.decode(body)
        if not self._lenient and not self._is_as_annotated(value):
            raise ValueError("not of the type that the annotation says")
        return value

    def _is_as_annotated(self, value: object) -> bool:
        try:
            return self._conforms is None or self._conforms(value)
        except RecursionError:
            return False

    def _typed_if_exact(self, value: object, natural: bytes) -> bytes | None:
        assert self._typed is not None
        try:
            typed = self._encoder.encode(value)
            if self._encoder.encode(self._wire(self._typed.decode(typed))) == natural:
                return typed
        except (Unsupported, TypeError, ValueError, OverflowError, msgspec.MsgspecError):
            pass  # the natural encoding can keep it
        return None

    def _wire(self, value: Any) -> Any:
        kind = type(value)
        if kind in _SAME:
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**64 else msgspec.msgpack.Ext(INTEGER, integer_bytes(value))
        if kind is list:
            return self._each(value)
        if kind is dict:
            return self._wire_dict(value)
        if kind is tuple:
            return self._extension(_TUPLE, self._each(value))
        record = self._records.get(kind)
        if record is not None:
            return self._wire_instance(value, record)
        if kind is set or kind is frozenset:
            # Sorted, so that equal sets have equal bytes.
            members = sorted(self._encoder.encode(self._wire(member)) for member in value)
            return self._extension(_SET if kind is set else _FROZENSET, [msgspec.Raw(member) for member in members])
        to_bytes = TO_BYTES.get(kind)
        if to_bytes is None:
            return self._wire_coded(value, kind)
        code, function = to_bytes
        return msgspec.msgpack.Ext(code, function(value))

    def _extension(self, code: int, content: object) -> msgspec.msgpack.Ext:
        return msgspec.msgpack.Ext(code, self._encoder.encode(content))

    def _each(self, values: Iterable[Any]) -> list[Any]:
        out = []
        for index, value in enumerate(values):
            try:
                out.append(self._wire(value))
            except Unsupported as error:
                error.path.append(f"[{index}]")
                raise
        return out

    def _wire_dict(self, value: dict[Any, Any]) -> Any:
        items = []
        for key, item in value.items():
            try:
                items.append((self._wire(key), self._wire(item)))
            except Unsupported as error:
                error.path.append(f"[{_brief(key)}]")
                raise
        if len(value) <= MOST_ITEMS and all(type(key) is str for key in value):
            return dict(items)
        # As pairs: readers of MessagePack differ in how they treat maps with keys that are not text.
        return self._extension(_DICT, [part for item in items for part in item])

    def _wire_instance(self, value: Any, record: Record) -> Any:
        if isinstance(value, enum.Enum):
            name = getattr(value, "name", None)
            if getattr(record.cls, "__members__", {}).get(name) is not value:
                raise Unsupported(value, "it is a combination of flags without a name. Cache its value instead.")
            return self._extension(_ENUM, [record.name, name])
        wired = [record.name]
        try:
            for part in record.parts(value):
                wired.append(self._wire(part))  # noqa: PERF401  # how many there are tells which one fails
        except Unsupported as error:
            if error.value is not value:
                error.path.append(record.path(len(wired) - 1))
            raise
        return self._extension(_RECORD, wired)

    def _wire_coded(self, value: Any, kind: type) -> Any:
        coding = coding_of(kind)
        if coding is None:
            raise Unsupported(value, why_not(value))
        if coding.by_name and kind not in self._named:
            raise Unsupported(value, only_annotated(kind))
        data = self._encoder.encode(self._wire(coding.content(value)))
        if coding.is_own:
            back = coding.check(value, self._natural.decode(data))
            if back is not None and self._encoder.encode(self._wire(coding.content(back))) != data:
                raise Unsupported(value, "what its codec decodes is encoded differently. Correct its functions.")
        return self._extension(_CODED, [coding.name, coding.version, msgspec.Raw(data)])

    def _from_extension(self, code: int, data: memoryview) -> Any:
        return self._made(code, data, self._natural)

    def _from_unproven(self, code: int, data: memoryview) -> Any:
        return self._made(code, data, self._careful, careful=True)

    def _made(
        self, code: int, data: memoryview, decoder: msgspec.msgpack.Decoder[Any], *, careful: bool = False
    ) -> Any:
        from_bytes = FROM_BYTES.get(code)
        if from_bytes is not None:
            return from_bytes(bytes(data))
        if careful:
            check_lengths(data)
        content = decoder.decode(data)
        if type(content) is not list:
            raise ValueError("an extension that holds no list")
        if code == _TUPLE:
            return tuple(content)
        if code == _SET:
            return set(content)
        if code == _FROZENSET:
            return frozenset(content)
        if code == _DICT:
            return dict(zip(content[::2], content[1::2], strict=True))
        if code == _ENUM:
            name, member = content
            record = self._classes[name]
            if not issubclass(record.cls, enum.Enum):
                raise ValueError(f"{name} is no Enum")
            return record.cls[member]
        if code == _RECORD:
            record = self._classes[content[0]]
            if issubclass(record.cls, enum.Enum):
                raise ValueError(f"{record.cls.__qualname__} is an Enum")
            return record.made(content[1:])
        if code == _CODED:
            name, version, inner = content
            coding = coding_named(name, version)
            if coding.by_name and coding.kind not in self._named:
                raise ValueError(f"the annotation does not name {name}")
            return coding.decode(inner)
        raise ValueError(f"unknown extension {code}")


def _brief(key: object) -> str:
    # A key may be personal data, and its type is enough to find the place.
    return f"a {type(key).__name__} key"
