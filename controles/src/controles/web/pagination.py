"""Pages that continue where the last one ended, instead of counting rows to skip."""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar, TypeVarTuple

from sqlalchemy import ColumnElement, Row, Select, select, tuple_
from sqlalchemy.orm import QueryableAttribute, Session

from controles.db import MAX_BIG_ID

Ts = TypeVarTuple("Ts")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

LONGEST_CURSOR = 80
MAX_LIMIT = 200


class Direction(StrEnum):
    NEXT = "n"
    PREVIOUS = "p"


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in a list: next to the row `row_id`, in the given order.

    The address contains only the id. The values that the list is ordered by are read from the row when the page is
    requested: a name in an address would end up in logs, browser histories and cache keys.
    """

    order: str
    direction: Direction
    row_id: int

    def encode(self) -> str:
        plain = f"{self.order}|{self.direction.value}|{self.row_id}"
        return base64.urlsafe_b64encode(plain.encode("ascii")).decode("ascii").rstrip("=")


def decode(text: str | None, *, order: str, max_id: int = MAX_BIG_ID) -> Cursor | None:
    """The cursor in `text`; None, which means the first page, if there is none or it was made for another order.

    Addresses are typed, cut and shared by people, so an invalid cursor is not an error.
    """
    if not text or len(text) > LONGEST_CURSOR:
        return None
    try:
        plain = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts = plain.decode("ascii").split("|")
    except (binascii.Error, UnicodeError):
        return None
    if len(parts) != 3 or parts[0] != order or parts[1] not in set(Direction):
        return None
    if not (parts[2].isascii() and parts[2].isdigit() and 0 < int(parts[2]) <= max_id):
        return None
    return Cursor(order, Direction(parts[1]), int(parts[2]))


@dataclass(frozen=True, slots=True)
class Keyset:
    """A named order; its columns have one direction, and are together unique and never null.

    `row_id` is the column in which a cursor's number is looked up.
    """

    order: str
    columns: tuple[QueryableAttribute[Any], ...]
    row_id: QueryableAttribute[int]
    descending: bool = False
    max_id: int = MAX_BIG_ID

    def ordering(self, *, backwards: bool) -> tuple[ColumnElement[Any], ...]:
        down = self.descending != backwards
        return tuple(column.desc() if down else column.asc() for column in self.columns)

    def beyond(self, position: tuple[object, ...], *, backwards: bool) -> ColumnElement[bool]:
        """The rows after `position` in this direction."""
        keys = tuple_(*self.columns)
        place = tuple_(*position, types=[column.type for column in self.columns])
        return keys < place if self.descending != backwards else keys > place


@dataclass(frozen=True, slots=True)
class Page(Generic[*Ts]):
    """Rows in the list's own order, whichever way they were read, and the cursors of the adjacent pages."""

    rows: tuple[Row[int, *Ts], ...]
    following: str | None
    preceding: str | None


def fetch_page(
    session: Session,
    statement: Select[int, *Ts],
    keyset: Keyset,
    *,
    cursor: str | None,
    limit: int,
    visible: ColumnElement[bool],
    read: "Reader[*Ts] | None" = None,
) -> Page[*Ts]:
    """The page that `cursor` points to; the first page without a cursor, or if it is invalid.

    `statement` selects the row's id first. A cursor at a row that is not `visible` makes no sense either: where a
    hidden name would stand among the names that one may see tells something about it.

    `read` reads the rows of the statement that follow a place (None: from the start), so many of them at the most, in
    the list's order; where it gives None, and backwards, the statement is run.
    """
    size = max(1, min(limit, MAX_LIMIT))
    place = decode(cursor, order=keyset.order, max_id=keyset.max_id)
    if place is not None:
        at = session.execute(select(*keyset.columns).where(keyset.row_id == place.row_id, visible)).one_or_none()
        if at is not None:
            page = _page_at(session, statement, keyset, place.direction, tuple(at), size, read)
            if page is not None:
                return page
    found = None if read is None else read(statement, None, size + 1)
    if found is None:
        found = session.execute(statement.order_by(*keyset.ordering(backwards=False)).limit(size + 1)).all()
    return _page(keyset, tuple(found[:size]), before=False, after=len(found) > size)


def _page_at(
    session: Session,
    statement: Select[int, *Ts],
    keyset: Keyset,
    direction: Direction,
    position: tuple[object, ...],
    size: int,
    read: "Reader[*Ts] | None",
) -> Page[*Ts] | None:
    """None if the first page should be shown: there is nothing on that side, or going back reaches the list's start.

    Then the first page is shown in full, not only the few rows before the position.
    """
    backwards = direction is Direction.PREVIOUS
    found = None if read is None or backwards else read(statement, position, size + 1)
    if found is None:
        query = statement.where(keyset.beyond(position, backwards=backwards))
        found = session.execute(query.order_by(*keyset.ordering(backwards=backwards)).limit(size + 1)).all()
    more = len(found) > size
    if not found or (backwards and not more):
        return None
    kept = tuple(found[:size])
    if backwards:
        return _page(keyset, kept[::-1], before=True, after=True)
    return _page(keyset, kept, before=True, after=more)


def _page(keyset: Keyset, rows: tuple[Row[int, *Ts], ...], *, before: bool, after: bool) -> Page[*Ts]:
    following = Cursor(keyset.order, Direction.NEXT, rows[-1][0]).encode() if after else None
    preceding = Cursor(keyset.order, Direction.PREVIOUS, rows[0][0]).encode() if before else None
    return Page(rows, following, preceding)


class Reader(Protocol[*Ts]):
    """Rows of a statement from a place of the list on, read in the list's own way."""

    def __call__(
        self, statement: Select[int, *Ts], after: tuple[object, ...] | None, size: int, /
    ) -> Sequence[Row[int, *Ts]] | None: ...


class ListPage(Protocol[T_co]):
    """A page of a list, in the form of its subject."""

    @property
    def linhas(self) -> Iterable[T_co]: ...
    @property
    def proximo(self) -> str | None: ...


def every_row(page_at: Callable[[str | None], ListPage[T]]) -> Iterator[T]:
    """All rows of a list, from all its pages, in its order; read page by page while it is consumed."""
    cursor = None
    while True:
        page = page_at(cursor)
        yield from page.linhas
        cursor = page.proximo
        if cursor is None:
            return
