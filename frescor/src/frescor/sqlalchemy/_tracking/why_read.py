"""What a statement reads of each table, and why not less: the text for `Cache.explain`."""

from collections.abc import Callable, Iterator, Sequence

from frescor._values.tags import SLICES
from frescor.sqlalchemy._statements.facts import Bounds, Facts
from frescor.sqlalchemy._tracking.statement_tags import ReadTags


def why_read(
    reading: ReadTags,
    found: Sequence[str],
    wholes: Sequence[str],
    facts: Facts,
    sql: str,
    unbound: Callable[[str], str | None] = lambda _table: None,
) -> Iterator[str]:
    """A line for each table. found: the tags of the rows and slices that the load depends on; wholes: those of the
    tables. unbound: what in the statement binds no part of the table with this tag, and what would; None if that is
    unknown."""
    shown = " ".join(sql.split())
    shown = f"{shown[:100]}…" if len(shown) > 100 else shown
    for table in dict.fromkeys(wholes):
        yield f"{table}: the whole table, since {_why_whole(table, reading, facts, unbound)}: {shown!r}"
    for table in dict.fromkeys(table for _, table in reading.lookups):
        rows = {_row(tag) for tag in found if tag.startswith(f"{table}#") and _row(tag)}
        if rows:
            yield f"{table}: {_counted(len(rows), 'row')} by primary key{_quietly(table, reading)}: {shown!r}"
        elif table in found:
            yield f"{table}: the whole table, since too many of its rows are read to name them one by one: {shown!r}"
    for read in reading.sliced:
        table = read.table
        if table in found:
            yield f"{table}: the whole table, since too many of its slices are read to name them one by one: {shown!r}"
            continue
        for column, one in dict.fromkeys(read.choices):
            start = f"{table}{SLICES}{column.id}{read.variants[0]}="
            slices = {tag for tag in found if tag.startswith(start)}
            if not slices:
                continue
            how = "a closed range" if isinstance(one, Bounds) else "= or IN"
            yield (
                f"{table}: {_counted(len(slices), 'slice')} of {column.id}, bound by {how}{_quietly(table, reading)}: "
                f"{shown!r}"
            )
    for table in reading.partly:
        if table not in wholes:
            why = f"{_why_whole(table, reading, facts, unbound)}{_quietly(table, reading)}"
            yield f"{table}: the whole table, since {why}: {shown!r}"


def _why_whole(table: str, reading: ReadTags, facts: Facts, unbound: Callable[[str], str | None]) -> str:
    if any(read.table == table for read in reading.sliced):
        return (
            "the values of its slice column are not certain or too many, or its slices are being registered (then "
            "call it again)"
        )
    if any(one == table for _, one in reading.lookups):
        return "the values of its primary key are not certain"
    if facts.places and facts.places[0].declared is None:
        return (
            "it is named in text that does not bind its whole primary key or a slice column for certain, or no model "
            "in use here declares it"
        )
    if (why := unbound(table)) is not None:
        return why
    if facts.places or facts.lookups or facts.declared:
        return "its occurrence binds neither the whole primary key nor a slice column by =, IN or a closed range"
    return "it is named in text"


def _row(tag: str) -> str:
    """The digest of a row, by its own tag or by a variant of it; empty for other tags."""
    return tag.partition("=")[2] if f"{SLICES}:row" in tag else "" if SLICES in tag else tag.partition("#")[2]


def _quietly(table: str, reading: ReadTags) -> str:
    """That writes to quiet columns alone do not matter, or only those to the ones that are named."""
    variants = reading.variants.get(table)
    if not variants:
        return ""
    named = ", ".join(variant.partition(".")[2] for variant in variants[1:])
    return f" (of its quiet columns only {named})" if named else " (but for its quiet columns)"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
