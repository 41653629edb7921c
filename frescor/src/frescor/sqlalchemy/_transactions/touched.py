"""The slices of one table that a transaction has touched."""

from collections.abc import Iterable, Mapping

from frescor._values.tags import BUT, SLICES

# More slices of one column in a transaction are its blind tag: each is a tag that the commit has to raise.
MOST_SLICES = 64
# By the blind tag of each column: the tags of its slices, or None where they are not known.
Touched = Mapping[str, frozenset[str] | None]


def both(one: Touched, other: Touched) -> Touched:
    """A column that only one of the two knows is not known."""
    found: dict[str, frozenset[str] | None] = dict.fromkeys((*one, *other))
    for blind, slices in one.items():
        more = other.get(blind)
        if slices is not None and more is not None and len(joined := slices | more) <= MOST_SLICES:
            found[blind] = joined
    return found


def raised_tags(table: str, slices: Touched) -> Iterable[str]:
    """The tags of the slices of a table: those that are known, and blind ones."""
    yield f"{table}{BUT}{','.join(blind.rpartition(SLICES)[2] for blind in slices)}"
    for blind, tags in slices.items():
        yield from (blind,) if tags is None else tags
