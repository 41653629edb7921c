"""Which rows a compiled SELECT looks up by primary key, and which columns it binds; pure functions of the statement.

Each occurrence of a table in the text belongs to one SELECT: the outermost one, a subquery, a CTE, an EXISTS, or one
arm of a UNION. There the table counts as looked up if each column of its primary key is bound to a parameter, by the
WHERE of that SELECT or through the conditions of its joins (`a.id = b.id AND a.id = :x` binds both). No other row
passes these conditions, so no other row can matter there, whatever the rest of the statement does. The same holds for
other columns, which select the rows with one value: a slice. A table that also occurs without such conditions is read
as a whole. Conditions in a subquery on a table of the enclosing SELECT bind nothing in the enclosing SELECT. What
is bound there also binds the columns that a correlated subquery compares with it (`WHERE a.id = :x AND EXISTS (SELECT …
WHERE b.a_id = a.id)`).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, BindParameter, BooleanClauseList, ColumnElement, Grouping
from sqlalchemy.sql.selectable import CTE, Alias, Join, Subquery

from frescor.sqlalchemy._statements.compiler_notes import Notes
from frescor.sqlalchemy._statements.facts import Bounds, Field, LookUp, Named, Place
from frescor.sqlalchemy._statements.tags import is_given_on, is_row_key_type

_LOWER, _UPPER = (operators.gt, operators.ge), (operators.lt, operators.le)
# The operator that a comparison has when its sides are exchanged.
_TURNED = {
    operators.lt: operators.gt,
    operators.le: operators.ge,
    operators.gt: operators.lt,
    operators.ge: operators.le,
}


@dataclass(slots=True)
class Bound:
    """What conditions say about columns of FROM elements. fields: columns that have the value of a parameter. low,
    high: columns with a lower or an upper bound, and whether it is excluded. same: pairs of equal columns."""

    fields: dict[Any, Field] = field(default_factory=dict)
    low: dict[Any, tuple[Field, bool]] = field(default_factory=dict)
    high: dict[Any, tuple[Field, bool]] = field(default_factory=dict)
    same: list[tuple[Any, Any]] = field(default_factory=list)

    def bounds(self, key: Any) -> Bounds | None:
        """Both bounds of a column; None if one is missing."""
        low, high = self.low.get(key), self.high.get(key)
        return None if low is None or high is None else Bounds(low[0], high[0], low[1], high[1])

    def copy(self, key: Any, other: Any, to: "Bound") -> None:
        """Say in `to` of the column `other` what is said here of the column `key`."""
        pairs: tuple[tuple[dict[Any, Any], dict[Any, Any]], ...] = (
            (self.fields, to.fields),
            (self.low, to.low),
            (self.high, to.high),
        )
        for known, target in pairs:
            if key in known:
                target.setdefault(other, known[key])

    def without(self, elements: Iterable[Any]) -> "Bound":
        """What is known about columns of all other FROM elements."""
        own = frozenset(map(hash, elements))
        fields = {key: value for key, value in self.fields.items() if key[0] not in own}
        low = {key: value for key, value in self.low.items() if key[0] not in own}
        high = {key: value for key, value in self.high.items() if key[0] not in own}
        return Bound(fields, low, high)

    def carry(self) -> None:
        """What is known about a column also holds for those that are equal to it."""
        changed = bool(self.same)
        while changed:
            changed = False
            for one, other in self.same:
                every: tuple[dict[Any, Any], ...] = (self.fields, self.low, self.high)
                for known in every:
                    if one in known and other not in known:
                        known[other] = known[one]
                        changed = True


def split(notes: Notes, compiled: Any) -> tuple[tuple[Named, ...], tuple[LookUp, ...], tuple[Place, ...]]:
    """The tables that a SELECT reads in another way than by key; its look-ups; and the occurrences of tables that bind
    a column, for tables of which every occurrence does."""
    lookups: dict[LookUp, None] = {}
    places: list[Place] = []
    left = Counter(notes.tables)
    scopes = _Scopes(compiled)
    for stack in {id(entries[-1]): entries for entries in notes.scopes if entries}.values():
        for found in _bound_places(*scopes.of(stack), compiled):
            if isinstance(found, LookUp):
                lookups[found] = None
                left[found.table] -= 1
            else:
                places.append(found)
    held = Counter(place.table for place in places)
    bound = tuple(place for place in places if held[place.table] == left[place.table])
    return tuple(table for table, times in left.items() if times > 0), tuple(lookups), bound


class _Scopes:
    """The SELECTs of one statement, each with the SELECTs that enclose it."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._found: dict[int, tuple[list[Any], Bound]] = {}

    def of(self, stack: tuple[Any, ...]) -> tuple[list[Any], Bound]:
        """The innermost SELECT's FROM elements, and what is bound there; `stack`: the entries of the enclosing SELECTs
        in the compiler's stack, outermost first.

        A correlated subquery runs for rows of the enclosing SELECT, and only those rows matter that pass its
        conditions. So the columns of these rows are bound in the subquery as well, unless it has the same FROM element
        itself.
        """
        if not stack:
            return [], Bound()
        entry = stack[-1]
        if id(entry) not in self._found:
            self._found[id(entry)] = self._find(entry, self.of(stack[:-1])[1])
        return self._found[id(entry)]

    def _find(self, entry: Any, around: Bound) -> tuple[list[Any], Bound]:
        statement = entry["selectable"]
        if isinstance(statement, sa.CompoundSelect):
            return [], around
        found = _leaves(statement, entry["asfrom_froms"]) if isinstance(statement, sa.Select) else None
        if found is None:
            return [], Bound()
        leaves, conditions = found
        bound = around.without(leaves)
        for leaf in leaves:
            self._export(leaf, bound)
        every = [Condition(statement.whereclause), *conditions]
        return leaves, bound_columns(every, self._compiled, bound, with_ranges=True)

    def _export(self, leaf: Any, bound: Bound) -> None:
        """Add what the SELECT of a subquery in FROM, or of a CTE, says of the columns that it hands out.

        There the value may also be NULL, on the inner side of an outer join; but NULL equals no other column, so rows
        that are joined to it by `=` have the value.
        """
        inner: Any = (
            leaf.element if isinstance(leaf, Subquery | CTE) and not getattr(leaf, "recursive", False) else None
        )
        found = _leaves(inner, None) if isinstance(inner, sa.Select) else None
        if found is None:
            return
        leaves, conditions = found
        inside = Bound()
        for one in leaves:
            self._export(one, inside)
        bound_columns([Condition(inner.whereclause), *conditions], self._compiled, inside, with_ranges=True)
        for one in leaves:
            for column in getattr(one, "columns", ()):
                outer = leaf.corresponding_column(column, require_embedded=True)
                if outer is not None:
                    inside.copy(_key(one, column.name), _key(leaf, outer.name), bound)


def _bound_places(leaves: list[Any], bound: Bound, compiled: Any) -> list[LookUp | Place]:
    """The look-ups and places of one SELECT, at most one for each FROM element."""
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
    known: list[tuple[str, Field | Bounds]] = []
    for column in table.columns:
        key = _key(element, column.name)
        if (field := bound.fields.get(key)) is not None:
            known.append((column.name, field))
        if (bounds := bound.bounds(key)) is not None:
            known.append((column.name, bounds))
    return Place((table.schema, table.name), table, tuple(known)) if known else None


@dataclass(frozen=True, slots=True)
class Condition:
    """What every row of the result, or of the tables in `only`, fulfils."""

    clause: Any
    # The tables on the right of an outer join: its condition does not restrict the rows on its left.
    only: frozenset[int] | None = None


def _leaves(statement: Any, rendered: set[Any] | None) -> tuple[list[Any], list[Condition]] | None:
    """The tables, aliases and subqueries in a SELECT's FROM; None if they cannot be determined. `rendered`: the
    elements that the text has there. The others are correlated: they belong to an enclosing SELECT."""
    conditions: list[Condition] = []
    try:
        froms = statement.get_final_froms()
    except Exception:  # noqa: BLE001 - it compiles for no database, and an `@compiles` for one may raise anything
        # Then no row is known, and each table counts as read as a whole.
        return None
    leaves = [
        leaf for element in froms if rendered is None or element in rendered for leaf in _flatten(element, conditions)
    ]
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
    """The rows of a table, or of an alias of one, to which these bindings limit it; None if its key is not bound."""
    table = element.element if isinstance(element, Alias) else element
    if not isinstance(table, sa.Table) or not table.primary_key.columns:
        return None
    fields = []
    for column in sorted(table.primary_key.columns, key=lambda column: column.name):
        found = bound.fields.get(_key(element, column.name))
        if found is None or not is_row_key_type(column.type, dialect):
            return None
        fields.append(Field(column.type, found.parameter, found.many))
    if len(fields) > 1 and any(one.many for one in fields):
        return None
    return LookUp((table.schema, table.name), tuple(fields))


def bound_field(element: Any, column: sa.Column[Any], bound: Bound) -> Field | None:
    """The parameter that a column of a table, or of an alias of one, is bound to."""
    return bound.fields.get(_key(element, column.name))


def bound_columns(
    conditions: Iterable[Condition], compiled: Any, around: Bound | None = None, *, with_ranges: bool = False
) -> Bound:
    """The columns that these conditions, all of which hold, bind to parameters; `with_ranges`: also their bounds.
    around: what is bound already in enclosing SELECTs; it is modified."""
    bound = around or Bound()
    for condition in conditions:
        for part in _conjuncts(condition.clause):
            if isinstance(part, BinaryExpression):
                _note(part, condition.only, bound, compiled)
                if with_ranges:
                    _note_range(part, condition.only, bound, compiled)
    bound.carry()
    return bound


def _note(part: BinaryExpression[Any], only: frozenset[int] | None, bound: Bound, compiled: Any) -> None:
    left, right = _column(part.left), _column(part.right)
    if part.operator is operators.eq:
        for column, other, value in ((left, right, part.right), (right, left, part.left)):
            if column is None or (only is not None and column[0] not in only):
                continue
            if other is not None:
                bound.same.append((other, column))
            elif isinstance(value, BindParameter) and (name := _name(value, compiled)) is not None:
                bound.fields.setdefault(column, Field(value.type, name))
    elif (
        part.operator is operators.in_op
        and left is not None
        and (only is None or left[0] in only)
        and isinstance(part.right, BindParameter)
        and (name := _name(part.right, compiled)) is not None
    ):
        bound.fields.setdefault(left, Field(part.right.type, name, many=True))


def _note_range(part: BinaryExpression[Any], only: frozenset[int] | None, bound: Bound, compiled: Any) -> None:
    for element, operator, value in _compared(part):
        column = _column(element)
        if column is None or (only is not None and column[0] not in only) or not isinstance(value, BindParameter):
            continue
        name = compiled.bind_names.get(value)
        if name is None or not passes_in_order(value.type, compiled.dialect):
            continue
        ends = bound.low if operator in _LOWER else bound.high
        ends.setdefault(column, (Field(value.type, str(name)), operator in (operators.gt, operators.lt)))


def _compared(part: BinaryExpression[Any]) -> list[tuple[Any, Any, Any]]:
    """The comparisons in a condition: left side, operator, right side."""
    if part.operator in _TURNED:
        return [(part.left, part.operator, part.right), (part.right, _TURNED[part.operator], part.left)]
    if part.operator is operators.between_op and not part.modifiers.get("symmetric"):
        low, high = part.right.get_children()
        return [(part.left, operators.ge, low), (part.left, operators.le, high)]
    return []


def _conjuncts(condition: Any) -> Iterable[Any]:
    if isinstance(condition, Grouping):
        yield from _conjuncts(condition.element)
    elif isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for part in condition.clauses:
            yield from _conjuncts(part)
    elif condition is not None:
        yield condition


def _column(element: Any) -> Any:
    """Identifies a column of a FROM element; None for anything else."""
    owner = getattr(element, "table", None)
    if owner is None or not isinstance(element, ColumnElement) or not hasattr(element, "name"):
        return None
    return _key(owner, str(element.name))


def _key(owner: Any, column: str) -> Any:
    """Identifies a column of this FROM element; the ORM's annotated copies of an element count as that element."""
    return (hash(owner), column)


def _name(parameter: BindParameter[Any], compiled: Any) -> str | None:
    """The parameter's name in the compiled statement. None if the database does not compare with the parameter's own
    value: because the parameter is not in the statement, or because a type of the application converts it."""
    name = compiled.bind_names.get(parameter)
    return str(name) if name is not None and passes(parameter.type, compiled.dialect) else None


def passes_in_order(kind: types.TypeEngine[Any], dialect: sa.Dialect) -> bool:
    """`passes`, for a value that is compared by order."""
    ordered = isinstance(kind, types.NullType | types.Integer | types.Date | types.DateTime)
    return ordered and (isinstance(kind, types.NullType) or is_given_on(kind, dialect))


def passes(kind: types.TypeEngine[Any], dialect: sa.Dialect) -> bool:
    """Whether the database gets a parameter of this type unchanged."""
    return isinstance(kind, types.NullType) or is_row_key_type(kind, dialect)
