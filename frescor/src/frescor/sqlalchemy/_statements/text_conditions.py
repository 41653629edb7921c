"""Which columns are bound to parameters and literals by the conditions in a text; pure functions of sqlglot's tree.

The rules are those of `reads`: what is true for every row of an occurrence of a table that can matter. A text does not
say which columns its tables have. A name without a table is kept for each table of its SELECT; later, those that a
table does not have are dropped, since the database refuses a name that two tables have. Anything that is not recognised
here (a keyword, a name with two possible meanings) binds nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import types

from frescor.sqlalchemy._statements.facts import Bounds, Field, Named, Place, Target
from frescor.sqlalchemy._statements.reads import Bound
from frescor.sqlalchemy._statements.text_values import Values

if TYPE_CHECKING:
    from sqlglot import exp

# The parts of each statement that cannot change the meaning of a condition.
_OF_SELECT = frozenset({
    "with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "order", "limit", "offset",
    "windows",
})  # fmt: skip
_OF_JOIN = frozenset({"this", "on", "using", "side", "kind", "method"})
_OF_TABLE = frozenset({"this", "db", "alias"})
_OF_INSERT = frozenset({"this", "expression"})
_OF_UPDATE = frozenset({"this", "expressions", "where"})
_OF_DELETE = frozenset({"this", "where"})
_RETURNING = frozenset({"returning"})
_ORDERED = types.NullType | types.Integer | types.Date | types.DateTime
# A column of a FROM element: the SELECT's number and the element's name (None: one of them), and the column's name.
_Key = tuple[tuple[int, str | None], str]


@dataclass(slots=True)
class _Scope:
    """One SELECT. sources: its FROM elements by name: the table of a place, None for anything else. nameless: an
    element has no name, or an unknown one. merged: a column without a table may belong to two. around: the SELECT for
    whose rows this one runs."""

    number: int
    sources: "dict[str, exp.Expr | None]" = field(default_factory=dict)
    nameless: bool = False
    merged: bool = False
    around: "_Scope | None" = None
    bound: Bound = field(default_factory=Bound)


def bound_places(statement: "exp.Expr", values: Values) -> tuple[Place, ...]:
    """The occurrences of tables in a query, for tables that are bound in each occurrence."""
    from sqlglot import exp

    named_queries = {str.lower(str(cte.alias)) for cte in statement.find_all(exp.CTE)}
    scopes = _Scopes(values, named_queries)
    places = [place for select in statement.find_all(exp.Select) for place in scopes.places(select)]
    held = Counter(place.table for place in places)
    every = Counter(name_of(table) for table in statement.find_all(exp.Table) if table.name)
    return tuple(place for place in places if held[place.table] == every[place.table])


class _Scopes:
    """The SELECTs of one query."""

    def __init__(self, values: Values, named_queries: set[str]) -> None:
        self._values = values
        self._named_queries = named_queries
        self._found: dict[int, _Scope] = {}

    def places(self, select: "exp.Select") -> Iterator[Place]:
        scope = self.of(select)
        for alias, table in scope.sources.items():
            if table is None or (name_of(table)[0] is None and table.name.lower() in self._named_queries):
                continue
            names = (scope.number, alias), (scope.number, None)
            found: list[tuple[str, Field | Bounds]] = []
            for key, one in scope.bound.fields.items():
                found += [(key[1], one)] if key[0] in names else []
            for key in scope.bound.low:
                bounds = scope.bound.bounds(key) if key[0] in names else None
                found += [] if bounds is None else [(key[1], bounds)]
            if found:
                yield Place(name_of(table), None, tuple(found))

    def of(self, select: "exp.Select") -> _Scope:
        if id(select) not in self._found:
            around = _around(select)
            self._found[id(select)] = self._find(select, None if around is None else self.of(around))
        return self._found[id(select)]

    def _find(self, select: "exp.Select", around: _Scope | None) -> _Scope:
        scope = _Scope(len(self._found), around=around)
        if around is not None:
            one = around.bound
            scope.bound = Bound(dict(one.fields), dict(one.low), dict(one.high))
        conditions = self._sources(select, scope)
        if conditions is None or not _has_only(select, _OF_SELECT):
            scope.sources = dict.fromkeys(scope.sources)
            return scope
        where = select.args.get("where")
        for condition, only in [(None if where is None else where.this, None), *conditions]:
            _note(condition, only, scope, self._values)
        scope.bound.carry()
        return scope

    def _sources(self, select: "exp.Select", scope: _Scope) -> "list[tuple[exp.Expr | None, set[Any] | None]] | None":
        """Add the FROM elements; returns the conditions of the joins, each with the sources whose rows it restricts
        (None: all). None if this cannot be determined."""
        from sqlglot import exp

        first, joins = select.args.get("from_"), select.args.get("joins") or []
        conditions: list[tuple[exp.Expr | None, set[Any] | None]] = []
        certain = True
        for part in [*([] if first is None else [first]), *joins]:
            left = {(scope.number, alias) for alias in scope.sources}
            before = set(scope.sources)
            for alias, node in _named_in(part, self._values.dialect):
                certain = certain and alias not in scope.sources
                is_place = node is part.this and isinstance(node, exp.Table) and _is_plain_table(node)
                scope.sources[alias] = node if is_place else None
            scope.nameless = scope.nameless or len(scope.sources) == len(before)
            if part is first:
                continue
            side, kind, method = (str(part.args.get(one) or "").upper() for one in ("side", "kind", "method"))
            known = kind in ("", "INNER", "OUTER", "CROSS") and method in ("", "NATURAL")
            certain = certain and known and _has_only(part, _OF_JOIN)
            scope.merged = scope.merged or bool(part.args.get("using")) or method == "NATURAL"
            right = {(scope.number, alias) for alias in scope.sources if alias not in before}
            only = {"": None, "LEFT": right, "RIGHT": left, "FULL": set()}.get(side, set())
            conditions.append((part.args.get("on"), only))
        return conditions if certain and not select.args.get("laterals") else None


def _named_in(part: "exp.Expr", dialect: str) -> "Iterator[tuple[str, exp.Expr]]":
    """The named elements of a part of a FROM, with their names: also within parentheses, but not within another
    SELECT."""
    from sqlglot import exp

    for node in part.walk(prune=lambda one: isinstance(one, exp.Select)):
        alias = node.args.get("alias")
        if isinstance(alias, exp.TableAlias) and isinstance(alias.this, exp.Identifier):
            yield folded(alias.this, dialect), node
        elif isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            yield folded(node.this, dialect), node


def _around(select: "exp.Select") -> "exp.Select | None":
    """The SELECT for whose rows this one runs; None for one that is independent."""
    from sqlglot import exp

    node: Any = select
    while node.parent is not None:
        parent = node.parent
        if isinstance(node, exp.From | exp.CTE | exp.With | exp.Lateral):
            return None
        if isinstance(parent, exp.Join | exp.Table) and node.arg_key != "on":
            return None
        if isinstance(parent, exp.Select):
            return parent
        node = parent
    return None


# -- writes


def bound_target(root: "exp.Expr", target: Target, values: Values) -> Target:
    """What a statement that does nothing else writes, with what it says about columns; `target` itself if that is not
    certain."""
    from sqlglot import exp

    if isinstance(root, exp.Insert) and _has_only(root, _OF_INSERT | _RETURNING):
        return _inserted(root, target, values)
    is_update = isinstance(root, exp.Update)
    if not isinstance(root, exp.Update | exp.Delete) or not _has_only(
        root, (_OF_UPDATE if is_update else _OF_DELETE) | _RETURNING
    ):
        return target
    table = root.this
    if not isinstance(table, exp.Table) or not _is_plain_table(table):
        return target
    scope = _Scope(0, dict(_named_in(table, values.dialect)))
    where = root.args.get("where")
    _note(None if where is None else where.this, None, scope, values)
    scope.bound.carry()
    bound = {key[1]: one for key, one in scope.bound.fields.items()}
    returns = bool(bound) and not root.args.get("returning")
    if not is_update:
        return replace(target, values={}, bound=bound, returns=returns)
    given = _set(root, values)
    if given is None:
        return target
    columns, known = given
    return replace(target, columns=columns, values=known, bound=bound, returns=returns)


def _set(root: "exp.Expr", values: Values) -> tuple[frozenset[str], dict[str, Field]] | None:
    """The columns that an UPDATE sets, and the new values of those that are set to a parameter or literal."""
    from sqlglot import exp

    columns: list[str] = []
    known: dict[str, Field] = {}
    for one in root.expressions:
        column = one.this
        if (
            not isinstance(one, exp.EQ)
            or not isinstance(column, exp.Column)
            or not isinstance(column.this, exp.Identifier)
            or column.args.get("table")
        ):
            return None
        columns.append(folded(column.this, values.dialect))
        value = values.field(one.expression)
        if value is not None:
            known[columns[-1]] = value
    # Of two values for one column, SQLite uses the last one.
    return (frozenset(columns), known) if len(set(columns)) == len(columns) else None


def _inserted(root: "exp.Expr", target: Target, values: Values) -> Target:
    from sqlglot import exp

    into, given = root.this, root.args.get("expression")
    if (
        not isinstance(into, exp.Schema)
        or not isinstance(into.this, exp.Table)
        or not _is_plain_table(into.this)
        or not all(isinstance(one, exp.Identifier) for one in into.expressions)
        or type(given) is not exp.Values
        or not _has_only(given, frozenset({"expressions"}))
    ):
        return target
    names = [folded(one, values.dialect) for one in into.expressions]
    rows = [_row(one) for one in given.expressions]
    if len(set(names)) != len(names) or not rows or any(len(row) != len(names) for row in rows):
        return target
    known: dict[str, Field] = {}
    for place, name in enumerate(names):
        value = values.listed([row[place] for row in rows])
        if value is not None:
            known[name] = value
    return replace(target, values=known)


def _row(node: "exp.Expr") -> "Sequence[exp.Expr]":
    from sqlglot import exp

    return node.expressions if isinstance(node, exp.Tuple) else [node]


# -- conditions


def _note(condition: "exp.Expr | None", only: set[Any] | None, scope: _Scope, values: Values) -> None:
    """Add what a condition says about columns."""
    from sqlglot import exp

    for part in _conjuncts(condition):
        if isinstance(part, exp.EQ):
            left, right = _column(part.this, scope, values), _column(part.expression, scope, values)
            for column, other, value in ((left, right, part.expression), (right, left, part.this)):
                if column is None or (only is not None and column[0] not in only):
                    continue
                if other is not None:
                    scope.bound.same.append((other, column))
                elif (one := values.field(value)) is not None:
                    scope.bound.fields.setdefault(column, one)
            continue
        if isinstance(part, exp.In):
            column = _column(part.this, scope, values)
            given = part.expressions if _has_only(part, frozenset({"this", "expressions"})) else []
            if column is not None and (only is None or column[0] in only) and (one := values.listed(given)) is not None:
                scope.bound.fields.setdefault(column, one)
            continue
        for element, is_low, is_open, value in _compared(part):
            column = _column(element, scope, values)
            if column is None or (only is not None and column[0] not in only):
                continue
            if (one := values.field(value)) is not None and isinstance(one.kind, _ORDERED):
                ends = scope.bound.low if is_low else scope.bound.high
                ends.setdefault(column, (one, is_open))


def _compared(part: "exp.Expr") -> "list[tuple[exp.Expr, bool, bool, exp.Expr]]":
    """The comparisons in a condition: whether the second side is the lower bound, and whether it is excluded."""
    from sqlglot import exp

    if isinstance(part, exp.Between):
        if not _has_only(part, frozenset({"this", "low", "high"})):
            return []
        return [(part.this, True, False, part.args["low"]), (part.this, False, False, part.args["high"])]
    if isinstance(part, exp.GT | exp.GTE | exp.LT | exp.LTE):
        is_low, is_open = isinstance(part, exp.GT | exp.GTE), isinstance(part, exp.GT | exp.LT)
        return [
            (part.this, is_low, is_open, part.expression),
            (part.expression, not is_low, is_open, part.this),
        ]
    return []


def _conjuncts(condition: "exp.Expr | None") -> "Iterable[exp.Expr]":
    from sqlglot import exp

    rest = [condition]
    while rest:
        part = rest.pop()
        if isinstance(part, exp.Paren):
            rest.append(part.this)
        elif isinstance(part, exp.And):
            rest += [part.this, part.expression]
        elif part is not None:
            yield part


def _column(node: Any, scope: _Scope, values: Values) -> _Key | None:
    """Identifies a column of a FROM element; None for anything else."""
    from sqlglot import exp

    while isinstance(node, exp.Paren):
        node = node.this
    if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier) or node.args.get("db"):
        return None
    name, table = folded(node.this, values.dialect), node.args.get("table")
    if table is None:
        if scope.merged:
            return None
        alone = next(iter(scope.sources)) if len(scope.sources) == 1 else None
        return (scope.number, alone), name
    alias, here = folded(table, values.dialect), scope
    while alias not in here.sources:
        if here.around is None or here.nameless:
            return None
        here = here.around
    return (here.number, alias), name


def folded(identifier: Any, dialect: str) -> str:
    """A name as the database understands it; SQLite ignores case."""
    name = str(identifier.this)
    return name if dialect == "postgresql" and identifier.args.get("quoted") else name.lower()


def name_of(table: Any) -> Named:
    """The schema, or None, and the name."""
    return (table.db or None, table.name)


def _is_plain_table(node: "exp.Expr") -> bool:
    from sqlglot import exp

    alias = node.args.get("alias")
    return (
        isinstance(node.this, exp.Identifier)
        and _has_only(node, _OF_TABLE)
        and (alias is None or _has_only(alias, frozenset({"this"})))
    )


def _has_only(node: "exp.Expr", parts: frozenset[str]) -> bool:
    """Whether a node has only these parts."""
    return all(name in parts for name, value in node.args.items() if value)
