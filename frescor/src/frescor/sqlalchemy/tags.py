"""The tags of SQL: which table, and which row, an entry depends on and a transaction invalidates.

Three kinds for each table. The *table tag* is raised by every write to the table. The *all-rows tag* is raised by a
write whose rows are not known. A *row tag* is raised by a write that is known to touch that row. Whoever looked rows up
by primary key depends on their row tags and the all-rows tag; whoever read the table in any other way depends on the
table tag. A write of known rows raises the table tag and the row tags, one of unknown rows the table tag and the
all-rows tag: so one of the two always meets what depends on it.

A row tag holds a digest, since a primary key may be personal data. Two values that a database takes for the same key
must have the same digest, or a row would be invalidated under another name: so only types for which that is known have
one, each brought to one form. For all others the rows count as not known, which is slower and never wrong.
"""

import datetime as dt
import hashlib
import unicodedata
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from frescor.errors import PolicyError
from frescor.keys import canonical

# More rows of one table than this are named by one tag: each costs a look at every read.
MOST_ROWS = 16
# Schema, or None for the database's default one, and name; in small letters, since not every database tells them apart.
TableName = tuple[str | None, str]
# The values of a primary key, in the order of its columns' names.
Identity = tuple[Any, ...]
_LONGEST = 150


def table_name(schema: str | None, name: str, default: str | None = None) -> TableName:
    """The name of a table as tags have it: the default schema is left out, and letters are small."""
    schema = None if schema is None else schema.lower()
    return (None if default is not None and schema == default.lower() else schema, name.lower())


def table_tag(table: Any, *, name: str = "", default_schema: str | None = None) -> str:
    """The tag that every write to the table raises, for a policy that names it; `table` is a mapped class or a Table.

    name: that of the tracked database. default_schema: of a table that is declared with it (`public`, say). Raises
    PolicyError for what is neither.
    """
    found = sa.inspect(table, raiseerr=False)
    selectable = getattr(found, "local_table", table)
    if not isinstance(selectable, sa.Table):
        raise PolicyError(f"table_tag takes a mapped class or a Table; got {table!r}.")
    return Tags(name, b"").table(table_name(selectable.schema, selectable.name, default_schema))


class Tags:
    """Makes the tags of one tracked database."""

    def __init__(self, database: str, secret: bytes) -> None:
        if database and not database.isidentifier():
            raise PolicyError(f"a tracked database's name is an identifier such as 'reports'; got {database!r}.")
        self.prefix = f"sql[{database}]:" if database else "sql:"
        self._row_digest = hashlib.blake2b(digest_size=12, key=secret[:64], person=b"frescor-row")

    def table(self, table: TableName) -> str:
        """Raised by every write to the table."""
        schema, name = table
        return self.prefix + _plain(name if schema is None else f"{schema}.{name}")

    def rows(self, table: TableName) -> str:
        """Raised by a write to rows of the table that are not known."""
        return f"{self.table(table)}#"

    def row(self, table: str, identity: Identity) -> str:
        """Raised by a write to this row of the table with this tag."""
        digest = self._row_digest.copy()
        digest.update(_canonical_number(*identity) if _is_number(identity) else canonical(identity))
        return f"{table}#{digest.hexdigest()}"


def _is_number(identity: Identity) -> bool:
    return len(identity) == 1 and type(identity[0]) is int


def _canonical_number(number: int) -> bytes:
    """As `canonical` of a tuple that holds this number, in a fifth of the time: most rows are named so."""
    digits = b"%d" % number
    return b"T%bI%b%b" % ((len(digits) + 5).to_bytes(4, "big"), len(digits).to_bytes(4, "big"), digits)


def _plain(name: str) -> str:
    """The name, or a digest of one that cannot stand in a tag."""
    if len(name) <= _LONGEST and name.isprintable() and "*" not in name and "#" not in name:
        return name
    return f"?{hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}"


def has_identity(kind: types.TypeEngine[Any]) -> bool:
    """Whether values of a column of this type can name a row."""
    # Exactly these: a decorator may give two values the same form.
    if isinstance(kind, types.TypeDecorator | types.CHAR | types.NCHAR | types.Enum):
        return False
    if isinstance(kind, types.String):
        return kind.collation is None
    return isinstance(kind, types.Integer | types.Uuid | types.Date | types.LargeBinary)


def identity_of(kinds: Sequence[types.TypeEngine[Any]], values: Sequence[Any]) -> Identity | None:
    """The values as they name a row; None if one of them may not be the only form of its value."""
    found = []
    for kind, value in zip(kinds, values, strict=True):
        form = form_of(kind, value)
        if form is None:
            return None
        found.append(form)
    return tuple(found)


def form_of(kind: types.TypeEngine[Any], value: Any) -> Any:
    """The one form of a key's value; None if it may have others."""
    if isinstance(kind, types.Integer):
        return value if type(value) is int else None
    if isinstance(kind, types.Uuid):
        if isinstance(value, uuid.UUID):
            return value.hex
        try:
            return uuid.UUID(value).hex if isinstance(value, str) else None
        except ValueError:
            return None
    if isinstance(kind, types.Date):
        return value if type(value) is dt.date else None
    if isinstance(kind, types.LargeBinary):
        return value if type(value) is bytes else None
    if isinstance(kind, types.String) and type(value) is str:
        # What a collation may ignore: case, accents, spaces at the end. Too many alike does no harm.
        letters = unicodedata.normalize("NFKD", value.casefold())
        return "".join(letter for letter in letters if not unicodedata.combining(letter)).rstrip()
    return None
