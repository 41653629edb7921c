"""The tags of SQL: which tables and rows an entry depends on, and which ones a transaction invalidates.

Each table has three kinds of tag. The *table tag* is raised by every write to the table. A *row tag* is raised by a
write that is known to touch that row. The *all-rows tag* is raised by a write of unknown rows. An entry that looked
rows up by primary key depends on their row tags and on the all-rows tag; an entry that read the table in any other way
depends on the table tag. So every write meets every entry that it may concern: a write of known rows raises the table
tag and the row tags, a write of unknown rows the table tag and the all-rows tag.

A row tag contains a digest, because a primary key may be personal data. Two values that a database considers the same
key must have the same digest; otherwise a row would be invalidated under another name. So only types for which that is
certain have row tags, each value in one canonical form. For other types the rows count as unknown, which costs
invalidations and is never wrong.
"""

import datetime as dt
import hashlib
import re
import unicodedata
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from frescor._calls.canonical import canonical, framed
from frescor._values.tags import NAMESPACE_TAG
from frescor.errors import PolicyError

# If more rows of one table are read, one tag stands for them all: each tag costs a look-up at every read.
MOST_ROWS = 64
# Schema (None: the database's default one) and name, in lower case, because not every database distinguishes case.
TableName = tuple[str | None, str]
# The values of a primary key, in the order of its columns' names.
RowKey = tuple[Any, ...]
_LONGEST = 150
_WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,4000}")
_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?")
_UUID = re.compile("[0-9a-f]{32}")
_BY_LETTERS = ("sqlite", "postgresql")
_OWN_FORM = frozenset({"_storage_format", "_reg"})
# Raised by a transaction of which it is not known what it changed. It is no table's tag: every entry of the namespace
# depends on it.
EVERYTHING = "*"


def store_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """The store's form of the tags that a transaction raises."""
    # Same as `declared_tags`, without the cost of that call at each commit.
    return (NAMESPACE_TAG,) if EVERYTHING in tags else tuple(map("=".__add__, tags))


def table_name(schema: str | None, name: str, default: str | None = None) -> TableName:
    """The name of a table as tags spell it: in lower case, without the default schema."""
    # By `str` itself, because `lower` of SQLAlchemy's quoted_name does not change capitals.
    schema = None if schema is None else str.lower(schema)
    at_hand = schema == "pg_temp" or (default is not None and schema == str.lower(default))
    return (None if at_hand else schema, str.lower(name))


def table_tag(table: Any, *, name: str = "", default_schema: str | None = None) -> str:
    """The tag that every write to the table raises, for a policy that names it; `table` is a mapped class or a Table.

    name: that of the tracked database. default_schema: the database's default schema, if the table is declared with it
    (such as `public`). Raises PolicyError for any other kind of object.
    """
    found = sa.inspect(table, raiseerr=False)
    selectable = getattr(found, "local_table", table)
    if not isinstance(selectable, sa.Table):
        raise PolicyError(f"table_tag takes a mapped class or a Table; got {table!r}.")
    return Tags(name, b"").table_by_schema(table_name(selectable.schema, selectable.name, default_schema))


class Tags:
    """Makes the tags of one tracked database.

    SQLite looks up a name without schema in all the databases that a connection has attached, the temporary one first.
    So on SQLite `t` and `other.t` have the same tag.
    """

    def __init__(self, database: str, secret: bytes, *, dialect: str = "") -> None:
        if database and not database.isidentifier():
            raise PolicyError(f"a tracked database's name must be an identifier such as 'reports'; got {database!r}.")
        self.prefix = f"sql[{database}]:" if database else "sql:"
        self._has_schemas = dialect != "sqlite"
        self._row_digest = hashlib.blake2b(digest_size=12, key=secret[:64], person=b"frescor-row")

    def table(self, table: TableName) -> str:
        """Raised by every write to the table."""
        return self.table_by_schema(table if self._has_schemas else (None, table[1]))

    def table_by_schema(self, table: TableName) -> str:
        """The form that `table_tag` returns: raised, too, by every write that names the schema."""
        schema, name = table
        return self.prefix + _plain(name if schema is None else f"{schema}.{name}")

    def rows(self, table: TableName) -> str:
        """Raised by a write to unknown rows of the table."""
        return f"{self.table(table)}#"

    def row(self, table: str, key: RowKey) -> str:
        """Raised by a write to this row of the table with this tag."""
        digest = self._row_digest.copy()
        is_number = len(key) == 1 and type(key[0]) is int
        digest.update(_canonical_number(*key) if is_number else _canonical_key(key))
        return f"{table}#{digest.hexdigest()}"

    def group(self, form: Any) -> str:
        """The slice, among those of a column, for a value in its canonical form (see `frescor.sqlalchemy._slices`)."""
        digest = self._row_digest.copy()
        if type(form) is int:
            # Same as `_canonical_number`, without a call, because this runs for each slice column of each written row.
            digits = b"%d" % form
            digest.update(b"T%bI%b%b" % ((len(digits) + 5).to_bytes(4, "big"), len(digits).to_bytes(4, "big"), digits))
        else:
            digest.update(_canonical_key((form,)))
        return digest.hexdigest()[:4]


def _canonical_key(key: RowKey) -> bytes:
    """The bytes of a row's key. All releases must use the same, because releases that run side by side have to agree;
    so they do not follow changes of the canonical form in the keys of entries."""
    return framed(b"T", b"".join(map(canonical, key)))


def _canonical_number(number: int) -> bytes:
    """`_canonical_key` of one number, five times as fast: most rows have such a key."""
    digits = b"%d" % number
    return b"T%bI%b%b" % ((len(digits) + 5).to_bytes(4, "big"), len(digits).to_bytes(4, "big"), digits)


def _plain(name: str) -> str:
    """The name, or a digest of a name that cannot be part of a tag."""
    if len(name) <= _LONGEST and name.isprintable() and "*" not in name and "#" not in name:
        return name
    return f"?{hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}"


def is_row_key_type(kind: types.TypeEngine[Any], dialect: sa.Dialect) -> bool:
    """Whether values of a column of this type can identify a row on this database."""
    if not is_given_on(kind, dialect) or isinstance(kind, types.CHAR | types.NCHAR):
        return False
    kind = kind.dialect_impl(dialect)
    if isinstance(kind, types.String):
        # On other databases a default collation may treat more texts as equal than `form_of` does.
        return kind.collation is None and dialect.name in _BY_LETTERS
    return isinstance(kind, types.Integer | types.Uuid | types.Date | types.LargeBinary)


def is_given_on(kind: types.TypeEngine[Any], dialect: sa.Dialect) -> bool:
    """Whether the database gets a value of this type as Python has it, without a conversion by a type of the
    application or by SQL around the parameter."""
    theirs = ("sqlalchemy", type(dialect).__module__.partition(".")[0])
    for one in (kind, kind.dialect_impl(dialect)):
        # This includes a type that applies to this database only (`with_variant`).
        if isinstance(one, types.TypeDecorator | types.Enum) or type(one).__module__.partition(".")[0] not in theirs:
            return False
        # SQLite stores dates as text, and the application may have chosen a format that leaves something out.
        if not _OWN_FORM.isdisjoint(vars(one)):
            return False
    return True


def row_key_of(kinds: Sequence[types.TypeEngine[Any]], values: Sequence[Any]) -> RowKey | None:
    """The values as the key of a row; None if one of them has no certain canonical form."""
    found = []
    for kind, value in zip(kinds, values, strict=True):
        form = form_of(kind, value)
        if form is None:
            return None
        found.append(form)
    return tuple(found)


def form_of(kind: types.TypeEngine[Any], value: Any) -> Any:
    """The canonical form of a key's value; None if it is not certain.

    The column may have another type elsewhere in the application, between which the database converts (a number as
    text, a date or a UUID as text): all of these have the same form.
    """
    if isinstance(kind, types.Integer):
        return value if type(value) is int else None
    if isinstance(kind, types.Uuid):
        if isinstance(value, uuid.UUID):
            return _form_of_text(value.hex)
        try:
            return _form_of_text(uuid.UUID(value).hex) if isinstance(value, str) else None
        except ValueError:
            return None
    if isinstance(kind, types.Date):
        return _form_of_text(value.isoformat()) if type(value) is dt.date else None
    if isinstance(kind, types.LargeBinary):
        return value if type(value) is bytes else None
    if isinstance(kind, types.String) and type(value) is str:
        return _form_of_text(value)
    return None


def _form_of_text(text: str) -> int | str:
    # A collation may ignore case, accents, and spaces at the end. Treating too many texts as equal does no harm.
    letters = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter)).rstrip()
    if _WHOLE_NUMBER.fullmatch(letters):
        return int(letters)
    if _NUMBER.fullmatch(letters):
        # `is_integer` excludes infinities and fractions, which integer columns cannot hold.
        return int(number) if (number := float(letters)).is_integer() else letters
    return bare if _UUID.fullmatch(bare := letters.strip("{}").replace("-", "")) else letters
