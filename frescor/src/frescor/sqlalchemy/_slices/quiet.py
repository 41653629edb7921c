"""Quiet columns: columns that are written often and shown seldom, such as the time of a last visit.

An UPDATE that sets only quiet columns does not invalidate an entry that names none of them. For that, the tags of such
a table have *variants*, which exist in addition to the tags that every write raises:

- the tags of the *other columns* are raised by each write, except those that set only quiet columns;
- the tags *of a quiet column* are raised by the writes that set only quiet columns, including this one.

There is a variant of each of the table's tags: that of the table, of each row, of each slice, and the blind tags. So a
statement that names a quiet column still depends only on its own slices. The variants' names contain a digest of all
quiet columns of the table. In the store they count as slice columns: it raises those that a writer does not name. So a
release with other quiet columns, a trigger, and an invalidation by hand invalidate what depends on them.

Every write also raises the table's own tags, so programs that do not know of quiet columns need not care.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from frescor._values.tags import SLICES
from frescor.errors import PolicyError
from frescor.sqlalchemy._slices.columns import INFO, NAME
from frescor.sqlalchemy._transactions.touched import ROWS, Touched

_INFO = "quiet"
# Replaces the column in a slice tag, for the tag of a row.
_ROW = ":row"


@dataclass(frozen=True, slots=True)
class Variants:
    """The variants of its table's tags that a write raises, and those that it does not."""

    raised: tuple[str, ...]
    spared: tuple[str, ...]


class Quiet:
    """The quiet columns of one table, by their names in lower case."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        digest = hashlib.blake2b(",".join(sorted(self.names)).encode(), digest_size=4).hexdigest()
        self._others = f"~{digest}"
        self._own = {name: f"~{digest}.{name}" for name in sorted(self.names)}

    def read(self, named: Collection[str]) -> tuple[str, ...]:
        """The variants that a statement depends on if it names these quiet columns. None of them if it names all quiet
        columns: then it depends on every write."""
        if self.names.issubset(named):
            return ()
        return (self._others, *(self._own[name] for name in sorted(self.names.intersection(named))))

    def written(self, columns: Collection[str] | None) -> Variants:
        """The variants for a write that sets these columns; None: any columns."""
        own = tuple(self._own.values())
        names = None if columns is None else {str.lower(name) for name in columns}
        if not names or not self.names.issuperset(names):
            return Variants((self._others,), own)
        raised = tuple(self._own[name] for name in sorted(names))
        return Variants(raised, (self._others, *(one for one in own if one not in raised)))


def quiet_of(table: sa.Table, declared: Collection[str], sliced: Collection[str]) -> Quiet | None:
    """The quiet columns of a table: the declared ones, and those with `info={"quiet": True}`. sliced: the columns that
    are declared to have slices. Raises PolicyError for a column that cannot be quiet."""
    found = []
    for column in table.columns:
        name, flag = str.lower(column.name), column.info.get(_INFO, False)
        if not isinstance(flag, bool):
            raise PolicyError(f'{table.name}.{column.name} is quiet by `info={{"quiet": True}}`; got {flag!r}.')
        if not flag and name not in declared:
            continue
        reason = (
            "is part of the primary key"
            if column.primary_key
            else "has slices, and a write to it has to end them"
            if name in sliced or column.info.get(INFO)
            else "is computed by the database"
            if column.computed is not None
            else "has a name that is not an identifier of at most 40 letters"
            if not NAME.fullmatch(column.name)
            else None
        )
        if reason is not None:
            raise PolicyError(f"{table.name}.{column.name} cannot be quiet: it {reason}. Declare another column.")
        found.append(name)
    return Quiet(found) if found else None


def in_variants(table: str, touched: Touched, variants: Variants) -> Touched:
    """What a write touches, in all variants. touched: the slices, by the table's own tags."""
    found: dict[str, frozenset[str] | None] = dict(touched)
    for variant in variants.raised:
        for blind, tags in touched.items():
            place = len(blind)
            found[f"{blind}{variant}"] = (
                None if tags is None else frozenset([f"{blind}{variant}{tag[place:]}" for tag in tags])
            )
        found[f"{table}{SLICES}{variant}"] = None
        found[f"{table}{SLICES}{_ROW}{variant}"] = ROWS
    for variant in variants.spared:
        found.update(dict.fromkeys((f"{blind}{variant}" for blind in touched), frozenset()))
        found[f"{table}{SLICES}{variant}"] = found[f"{table}{SLICES}{_ROW}{variant}"] = frozenset()
    return found


def ids_of(variants: Iterable[str], *, rows: bool = False) -> tuple[str, ...]:
    """The ids under which the store knows the variants of a table's own tag, or of its rows' tags."""
    return tuple(f"{_ROW if rows else ''}{variant}" for variant in variants)


def rows_in(table: str, rows: Iterable[str], ids: Iterable[str]) -> tuple[str, ...]:
    """The variants of row tags. rows: the rows' own tags, of the table with this tag."""
    return tuple(f"{table}{SLICES}{one}={row[len(table) + 1 :]}" for one in ids for row in rows)


def blind_tags(table: str, ids: Iterable[str]) -> tuple[str, ...]:
    """The blind tags of these ids."""
    return tuple(f"{table}{SLICES}{one}" for one in ids)
