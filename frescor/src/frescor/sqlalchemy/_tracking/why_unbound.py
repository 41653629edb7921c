"""Why the conditions of a statement bind neither the primary key of a table nor a slice column, and what would."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import elements, operators, visitors
from sqlalchemy.sql.selectable import AliasedReturnsRows, SelectBase

from frescor.sqlalchemy._slices.columns import SliceColumn

_RANGES = (operators.lt, operators.le, operators.gt, operators.ge, operators.between_op)
# More conditions than this make a sentence unreadable.
_MOST = 3


def why_unbound(statement: Any, table: sa.Table, columns: Sequence[SliceColumn]) -> str:
    """The reason, in words. columns: the table's slice columns."""
    key = [column.name for column in table.primary_key.columns]
    kinds: dict[str, list[SliceColumn]] = {}
    for column in columns:
        kinds.setdefault(str.lower(column.name), []).append(column)
    wanted = {*map(str.lower, key), *kinds}
    within = _within(statement)
    reasons = [
        f"{_shown(part)!r} {_reason(part, name, other, kinds.get(name, ()), within)}"
        for part, name, other in _comparisons(statement, table, wanted)
    ]
    if reasons:
        return "; ".join(dict.fromkeys(reasons[:_MOST]))
    names = ", ".join(dict.fromkeys([*key, *(column.id for column in columns)]))
    more = "" if columns else '; to have slices, declare a column with info={"slice": …}'
    return f"no condition compares {names or 'a key, which it does not have,'} with a value{more}"


def _comparisons(statement: Any, table: sa.Table, wanted: Collection[str]) -> Iterator[tuple[Any, str, Any]]:
    """The comparisons of a column that would bind the table; the column's name in lower case, and the other side."""
    for element in visitors.iterate(statement):
        if not isinstance(element, elements.BinaryExpression):
            continue
        for side, other in ((element.left, element.right), (element.right, element.left)):
            for part in visitors.iterate(side) if not isinstance(side, SelectBase) else ():
                name = str.lower(part.name) if isinstance(part, sa.Column) else None
                if name in wanted and name is not None and _is_of(part, table):
                    yield element, name, other
                    break


def _is_of(column: Any, table: sa.Table) -> bool:
    owner = column.table
    while isinstance(owner, AliasedReturnsRows):
        owner = owner.element
    return getattr(owner, "name", None) == table.name and getattr(owner, "schema", None) == table.schema


def _within(statement: Any) -> dict[int, str]:
    """By the ids of elements, the word that they stand in and that makes them bind nothing."""
    found: dict[int, str] = {}
    for element in visitors.iterate(statement):
        word = (
            "an OR"
            if isinstance(element, elements.BooleanClauseList) and element.operator is operators.or_
            else "a NOT"
            if isinstance(element, elements.UnaryExpression) and element.operator in (operators.inv,)
            else None
        )
        if word is not None:
            for part in visitors.iterate(element):
                if part is not element:
                    found.setdefault(id(part), word)
    return found


def _reason(part: Any, name: str, other: Any, columns: Sequence[SliceColumn], within: dict[int, str]) -> str:
    if id(part) in within:
        return f"stands in {within[id(part)]}: write it as a condition of its own, or IN"
    if not any(isinstance(side, sa.Column) for side in (part.left, part.right)):
        return "compares an expression: compare the column itself"
    if part.operator in _RANGES:
        if not any(column.kind != "value" for column in columns):
            return (
                f'is a range, and {name} has no buckets: declare them with info={{"slice": "month"}}, "day" or '
                '"range(1000)"'
            )
        return "does not limit the column at both ends by values: write BETWEEN, or >= and <"
    if part.operator not in (operators.eq, operators.in_op):
        return "selects no rows with a certain value: write =, IN, or both ends of a range"
    if isinstance(other, sa.Column):
        return f"compares with {other}, which is bound to no value: add a condition on that"
    if not isinstance(other, elements.BindParameter):
        return "compares with an expression or a subquery: read that first, and pass the values"
    return (
        "has a value whose form is not certain (a type of the application, another type than the column's), or the "
        "table stands somewhere else without such a condition"
    )


def _shown(part: Any) -> str:
    try:
        text = " ".join(str(part).split())
    except sa.exc.CompileError:
        # It has no form that all databases know.
        text = type(part).__name__
    return f"{text[:80]}…" if len(text) > 80 else text
