"""What a load depends on when it uses a relationship that an object in a session has loaded already.

The rule is that of the statement which loads the relationship. A reference to another row's primary key depends on the
row that contains it, and on the row that it refers to. A collection whose rows refer to the object depends on the slice
of these rows, if the foreign key is a slice column. A collection through a secondary table depends on a slice of that
table, and on the other table, since a row may be missing there. Anything else depends on the whole tables.

The load also depends on the object's own row, and counts as begun when the session got its first object. So the values
by which the relationship was loaded are those that the object has now.
"""

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm.state import InstanceState
from sqlalchemy.sql import elements, operators, visitors
from sqlalchemy.sql.util import find_tables

from frescor._values.tags import SLICED
from frescor.sqlalchemy._statements.tags import table_name
from frescor.sqlalchemy._tracking.capture import Seen

# A condition of these elements alone depends only on the columns that it names.
_SIMPLE = (
    sa.Column,
    elements.BinaryExpression,
    elements.BindParameter,
    elements.BooleanClauseList,
    elements.ClauseList,
    elements.False_,
    elements.Grouping,
    elements.Null,
    elements.True_,
    elements.UnaryExpression,
)
_Pairs = tuple[tuple[Any, Any], ...]


def depend_on_relationship(
    seen: Seen,
    state: InstanceState[Any],
    relationship: orm.RelationshipProperty[Any],
    tracking: Any,
    stood: Collection[str],
) -> list[str]:
    """Let the load depend on a loaded relationship of an object; returns the tags. The caller handles the objects in
    it, and the object itself. stood: the blind tags that were registered when the session was filled; a value older
    than a registration is not stored."""
    pairs, is_only_pairs = _equated(relationship)
    if relationship.secondary is None and is_only_pairs and _leads_to_key(relationship, pairs):
        target = state.dict[relationship.key]
        if target is not None or all(value_of(state, local) is None for local, _ in pairs):
            return []
    sliced: dict[Any, tuple[str, ...]] = {}
    for local, remote in pairs:
        found = _slice_of(state, local, remote, tracking, stood)
        if found is not None:
            sliced.setdefault(remote.table, found)
    tables: list[Any] = [*relationship.mapper.tables]
    if relationship.secondary is not None:
        tables += find_tables(relationship.secondary, include_joins=True)
    tags: list[str] = []
    for table in tables:
        tag = tracking.tags.table(table_name(table.schema, table.name, tracking.default_schema))
        tags += seen.depend_on_slices(tag, sliced[table]) if table in sliced else (tag,)
    seen.depend(tags)
    return tags


def value_of(state: InstanceState[Any], column: Any) -> Any:
    """The value of a column in an object; None if it has none."""
    mapper = state.mapper
    try:
        key = mapper.get_property_by_column(column).key
    except orm.exc.UnmappedColumnError:
        return None
    if key not in state.dict and state.key is not None and column in mapper.primary_key:
        return state.key[1][mapper.primary_key.index(column)]
    return state.dict.get(key)


def _leads_to_key(relationship: orm.RelationshipProperty[Any], pairs: _Pairs) -> bool:
    """Whether it refers to one row by its whole primary key."""
    return relationship.direction is orm.RelationshipDirection.MANYTOONE and {remote for _, remote in pairs} == set(
        relationship.mapper.primary_key
    )


def _slice_of(
    state: InstanceState[Any], local: Any, remote: Any, tracking: Any, stood: Collection[str]
) -> tuple[str, ...] | None:
    """The tags of the slice of rows whose column `remote` has the object's value of `local`; None if there is none."""
    table = remote.table
    name = table_name(table.schema, table.name, tracking.default_schema)
    value = value_of(state, local)
    column = next((one for one in tracking.slices.columns(table) if _is(one, remote)), None)
    group = None if column is None or value is None else column.group(value, tracking.tags.group)
    if column is None or group is None or tracking.behind(name) != (name,):
        return None
    tag = tracking.tags.table(name)
    blind = column.blind(tag)
    if not tracking.slices.ready(tag, (column.id,)) or blind not in stood:
        return None
    return (column.slice(tag, group), blind, SLICED)


def _is(column: Any, remote: Any) -> bool:
    return column.kind == "value" and str.lower(column.name) == str.lower(remote.name)


@lru_cache(maxsize=1000)
def _equated(relationship: orm.RelationshipProperty[Any]) -> tuple[_Pairs, bool]:
    """The columns of the object, each with the column that must equal it in the other table; and whether there is no
    other condition. No pairs if a condition or the order involves more than columns of these tables."""
    join = relationship.primaryjoin
    tables = {*relationship.parent.tables, *(remote.table for _, remote in relationship.local_remote_pairs)}
    order = relationship.order_by or ()
    for clause in (join, *order):
        for element in visitors.iterate(clause):
            if not isinstance(element, _SIMPLE) or (isinstance(element, sa.Column) and element.table not in tables):
                return (), False
    equal = [*_equalities(join)]
    pairs = tuple(
        (local, remote)
        for local, remote in relationship.local_remote_pairs
        if frozenset((_key(local), _key(remote))) in equal
    )
    return pairs, None not in equal and len(equal) == len(pairs)


def _equalities(clause: Any) -> Iterable[frozenset[Any] | None]:
    """The pairs of columns that a condition equates, and None for anything else in it."""
    if isinstance(clause, elements.Grouping):
        yield from _equalities(clause.element)
    elif isinstance(clause, elements.BooleanClauseList) and clause.operator is operators.and_:
        for part in clause.clauses:
            yield from _equalities(part)
    elif (
        isinstance(clause, elements.BinaryExpression)
        and clause.operator is operators.eq
        and isinstance(clause.left, sa.Column)
        and isinstance(clause.right, sa.Column)
    ):
        yield frozenset((_key(clause.left), _key(clause.right)))
    else:
        yield None


def _key(column: Any) -> Any:
    # The condition's columns are annotated copies.
    return (hash(column.table), column.name)
