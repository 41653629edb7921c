"""The slices of one table that a transaction has written to."""

from collections.abc import Collection, Mapping

from frescor._values.tags import BUT, SLICES

# Beyond this many slices of one column, a transaction raises the column's blind tag instead: every tag costs the
# commit.
MOST_SLICES = 64
# For each column, by its blind tag: the tags of the slices that were written to, or None if they are not known.
Touched = Mapping[str, frozenset[str] | None]
# Of a write that returns its rows: until then `TrackedTransaction.await_slices` stands for them.
LATER: Touched = {}
# Stands for the slices that are named as the rows are which the transaction writes.
ROWS = frozenset("#")


def both(one: Touched, other: Touched) -> Touched:
    """The union of two writes. A column that only one of them names counts as not known."""
    found: dict[str, frozenset[str] | None] = dict.fromkeys((*one, *other))
    for blind, slices in one.items():
        more = other.get(blind)
        if slices is not None and more is not None and len(joined := slices | more) <= MOST_SLICES:
            found[blind] = joined
    return found


def raised_tags(table: str, slices: Touched, rows: Collection[str] | None) -> list[str]:
    """The tags to raise for a table's slices: slice tags where they are known, blind tags elsewhere. rows: the tags of
    the written rows; None if they are not known."""
    found = []
    known = ""
    for blind, tags in slices.items():
        known += f",{blind.rpartition(SLICES)[2]}"
        if tags is None:
            found.append(blind)
        elif tags >= ROWS:
            found += [blind] if rows is None else [f"{blind}={row[len(table) + 1 :]}" for row in rows]
        else:
            found.extend(tags)
    found.append(f"{table}{BUT}{known[1:]}")
    return found
