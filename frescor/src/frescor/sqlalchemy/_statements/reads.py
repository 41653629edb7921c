"""Which rows a compiled SELECT looks up by primary key, and which columns it binds; pure functions of the statement.

Each place in the text where a table stands belongs to one SELECT: the outermost, a subquery, a CTE, an EXISTS, one arm
of a UNION. The table counts as looked up there when each column of its primary key is bound to a parameter, by the
WHERE of that SELECT or through its joins' conditions (`a.id = b.id AND a.id = :x` binds both): no other row gets past
them, so none can matter there, whatever the rest of the statement does with the place. So it is with other columns,
which leave the rows that have one value there: a slice. A table that stands in any other place as well is read whole.
What a subquery says of a table of the SELECT around it binds nothing out there.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, BindParameter, BooleanClauseList, ColumnElement, Grouping
from sqlalchemy.sql.selectable import Alias, Join

from frescor.sqlalchemy._statements.compiler_notes import Notes
from frescor.sqlalchemy._statements.facts import Field, LookUp, Named, Place
from frescor.sqlalchemy._statements.tags import is_row_key_type

Bound = dict[Any, Field]


def split(notes: Notes, compiled: Any) -> tuple[tuple[Named, ...], tuple[LookUp, ...], tuple[Place, ...]]:
    """The tables that a SELECT reads not by key, its look-ups, and the places of those tables of which each place binds
    a column."""
    lookups: dict[LookUp, None] = {}
    places: list[Place] = []
    left = Counter(notes.tables)
    for scope in {id(entry): entry for entry in notes.scopes if entry is not None}.values():
        for found in _bound_places(scope, compiled):
            if isinstance(found, LookUp):
                lookups[found] = None
                left[found.table] -= 1
            else:
                places.append(found)
    held = Counter(place.table for place in places)
    bound = tuple(place for place in places if held[place.table] == left[place.table])
    return tuple(table for table, times in left.items() if times > 0), tuple(lookups), bound


def _bound_places(scope: Any, compiled: Any) -> list[LookUp | Place]:
    """Those of one SELECT, by its entry in the compiler's stack: at most one for each place in its FROM."""
    statement = scope["selectable"]
    if not isinstance(statement, sa.Select):
        return []
    leaves, conditions = _leaves(statement, scope["asfrom_froms"])
    bound = bound_columns([Condition(statement.whereclause), *conditions], compiled)
    found: list[LookUp | Place] = []
    for leaf in leaves:
        one = look_up_of(leaf, bound, compiled.dialect) or _place_of(leaf, bound)
        if one is not None:
            found.append(one)
    return found


def _place_of(element: Any, bound: Bound) -> Place | None:
    table = element.element if isinstance(element, Alias) else element
    if not isinstance(table, sa.Table):
        return None
    fields = [(column.name, bound_field(element, column, bound)) for column in table.columns]
    known = tuple((name, field) for name, field in fields if field is not None)
    return Place((table.schema, table.name), table, known) if known else None


@dataclass(frozen=True, slots=True)
class Condition:
    """What every row of the result, or of the tables in `only`, fulfils."""

    clause: Any
    # Of an outer join: it chooses partners, and leaves the rows of its left side as they are.
    only: frozenset[int] | None = None


def _leaves(statement: Any, rendered: set[Any]) -> tuple[list[Any], list[Condition]]:
    """The tables, aliases and subqueries in a SELECT's FROM. `rendered`: what stands there; the rest is correlated, a
    place in the SELECT around it."""
    conditions: list[Condition] = []
    try:
        froms = statement.get_final_froms()
    except Exception:  # noqa: BLE001 - it compiles for no database, and an `@compiles` for one may raise anything
        # No row is known then: each table counts as read whole.
        return [], []
    leaves = [leaf for element in froms if element in rendered for leaf in _flatten(element, conditions)]
    return leaves, conditions


def _flatten(element: Any, conditions: list[Condition]) -> list[Any]:
    if not isinstance(element, Join):
        return [element]
    left, right = _flatten(element.left, conditions), _flatten(element.right, conditions)
    if not element.full:
        only = frozenset(map(hash, right)) if element.isouter else None
        conditions.append(Condition(element.onclause, only))
    return left + right


def look_up_of(element: Any, bound: Bound, dialect: sa.Dialect) -> LookUp | None:
    """The rows of a table, or of an alias of one, that these bindings leave; None if its key is not bound."""
    table = element.element if isinstance(element, Alias) else element
    if not isinstance(table, sa.Table) or not table.primary_key.columns:
        return None
    fields = []
    for column in sorted(table.primary_key.columns, key=lambda column: column.name):
        field = bound.get(_key(element, column.name))
        if field is None or not is_row_key_type(column.type, dialect):
            return None
        fields.append(Field(column.type, field.parameter, field.many))
    if sum(field.many for field in fields) > 1 or (len(fields) > 1 and any(field.many for field in fields)):
        return None
    return LookUp((table.schema, table.name), tuple(fields))


def bound_field(element: Any, column: sa.Column[Any], bound: Bound) -> Field | None:
    """The parameter that a column of a table, or of an alias of one, is bound to."""
    return bound.get(_key(element, column.name))


def bound_columns(conditions: Iterable[Condition], compiled: Any) -> Bound:
    """The columns that these conditions, all of which hold, bind to parameters."""
    bound: Bound = {}
    follows: list[tuple[Any, Any]] = []
    for condition in conditions:
        for part in _conjuncts(condition.clause):
            _note(part, condition.only, bound, follows, compiled)
    changed = True
    while changed:
        changed = False
        for one, other in follows:
            if one in bound and other not in bound:
                bound[other] = bound[one]
                changed = True
    return bound


def _note(part: Any, only: frozenset[int] | None, bound: Bound, follows: list[tuple[Any, Any]], compiled: Any) -> None:
    if not isinstance(part, BinaryExpression):
        return
    left, right = _column(part.left), _column(part.right)
    if part.operator is operators.eq:
        for column, other, value in ((left, right, part.right), (right, left, part.left)):
            if column is None or (only is not None and column[0] not in only):
                continue
            if other is not None:
                follows.append((other, column))
            elif isinstance(value, BindParameter) and (name := _name(value, compiled)) is not None:
                bound.setdefault(column, Field(value.type, name))
    elif (
        part.operator is operators.in_op
        and left is not None
        and (only is None or left[0] in only)
        and isinstance(part.right, BindParameter)
        and (name := _name(part.right, compiled)) is not None
    ):
        bound.setdefault(left, Field(part.right.type, name, many=True))


def _conjuncts(condition: Any) -> Iterable[Any]:
    if isinstance(condition, Grouping):
        yield from _conjuncts(condition.element)
    elif isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for part in condition.clauses:
            yield from _conjuncts(part)
    elif condition is not None:
        yield condition


def _column(element: Any) -> Any:
    """What identifies a column of a FROM element; None for anything else."""
    owner = getattr(element, "table", None)
    if owner is None or not isinstance(element, ColumnElement) or not hasattr(element, "name"):
        return None
    return _key(owner, str(element.name))


def _key(owner: Any, column: str) -> Any:
    """Of a column of this FROM element; the ORM's annotated copies of an element are the element."""
    return (hash(owner), column)


def _name(parameter: BindParameter[Any], compiled: Any) -> str | None:
    """What the parameter is called in the compiled statement; None if its value there is not the one that is compared:
    it is not in it, or the database is sent something that a type of the application has made of it."""
    name = compiled.bind_names.get(parameter)
    return str(name) if name is not None and passes(parameter.type, compiled.dialect) else None


def passes(kind: types.TypeEngine[Any], dialect: sa.Dialect) -> bool:
    """Whether a parameter of this type is given to the database as it is."""
    return isinstance(kind, types.NullType) or is_row_key_type(kind, dialect)
