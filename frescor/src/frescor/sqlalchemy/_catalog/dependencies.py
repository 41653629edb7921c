"""Which tables a read really reads and which tables a write really changes, given the database's catalogue.

A write is followed through what the database does by itself: the actions of foreign keys, triggers, rules, the tables
under a view, rows that replace others. Each step counts as one more write to any rows of its table, and is followed in
turn.

A table that has parts (partitions, tables that inherit from it) shows the rows of its parts. Reading a table depends on
that table and on those above it; writing to it raises those as well. So a write meets every read of the same rows,
whichever name it uses, and neither has to list the parts, of which there may be hundreds.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from frescor.errors import PolicyError
from frescor.sqlalchemy._catalog.description import SEQUENCE, STORED_VIEW, Body, Description, Reference, Trigger, View
from frescor.sqlalchemy._statements.facts import Facts, Kind, Named
from frescor.sqlalchemy._statements.tags import TableName, table_name

ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT")
_SYSTEM = ("sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema", "sqlite_sequence")
# A name that exists in more schemas than this is not resolved to any of them.
_MOST_SCHEMAS = 16
_Event = tuple[TableName, Kind, frozenset[str] | None]
Path = tuple[str | None, ...]


@dataclass(slots=True)
class WrittenAlong:
    """What changes along with a write. whole: more rows of its own table than the statement names. untold: the names of
    routines and triggers whose effects are unknown."""

    tables: dict[TableName, None] = field(default_factory=dict)
    whole: bool = False
    untold: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class TablesRead:
    """The tables that a read reads. untold: functions of which it is unknown what they read."""

    tables: dict[TableName, None] = field(default_factory=dict)
    untold: dict[str, None] = field(default_factory=dict)


class Dependencies:
    """Reads and writes of tables, by one description of the database and the application's declarations."""

    def __init__(
        self,
        description: Description,
        views: Mapping[TableName, Collection[TableName]],
        functions: Mapping[str, Collection[TableName]],
        references: Iterable[tuple[TableName, Reference]],
    ) -> None:
        self.description = description
        self._views = views
        self._functions = functions
        self._references: dict[TableName, list[Reference]] = defaultdict(list)
        for referred, reference in {*description.references, *references}:
            self._references[referred].append(reference)
        self._children: dict[TableName, set[TableName]] = defaultdict(set)
        for child, parents in description.parents.items():
            for parent in parents:
                self._children[parent].add(child)
        self._schemas: dict[str, list[str | None]] = defaultdict(list)
        for schema, name in description.relations:
            self._schemas[name].append(schema)

    # -- names --------------------------------------------------------------------------------------------------------

    def resolve(self, name: TableName, path: Path | None = None) -> TableName:
        """The table that a name in a statement means, given a path of schemas; by default the database's own path."""
        if name[0] is not None:
            return name
        schemas = self._schemas.get(name[1], ())
        for schema in path or self.description.path:
            if schema in schemas:
                return (schema, name[1])
        return name

    def aliases(self, name: TableName) -> tuple[TableName, ...]:
        """Other names by which the application may have referred to this table."""
        if name[0] is None or self.resolve((None, name[1])) != name:
            return ()
        return ((None, name[1]),)

    def _found(self, names: Iterable[Named], schema: str | None, *, loosely: bool) -> Iterator[TableName]:
        """The tables that names in a body may mean. loosely: names that belong to no table are ignored."""
        for named in names:
            qualifier, name = table_name(*named)
            schemas = self._schemas.get(name, ())
            if qualifier is not None and (qualifier in schemas or not loosely):
                yield (qualifier, name)
            elif qualifier is not None:
                continue
            elif 0 < len(schemas) <= _MOST_SCHEMAS:
                yield from ((found, name) for found in schemas)
            elif schemas or not loosely:
                yield (schema if schema in schemas else None, name)

    def _names_of(self, body: Body, facts: Facts) -> list[TableName]:
        """The tables that a body names for reading."""
        certain = self._found(facts.reads, body.schema, loosely=False)
        return [*certain, *self._found(facts.loose, body.schema, loosely=True)]

    def _is_system(self, name: TableName) -> bool:
        """Whether a name belongs to the database's own catalogue."""
        schema, table = name
        if schema is not None or name in self.description.relations:
            return schema in ("pg_catalog", "information_schema")
        return table in _SYSTEM or table.startswith(("pg_", "pragma_"))

    # -- reads --------------------------------------------------------------------------------------------------------

    def behind(self, names: Iterable[TableName], functions: Iterable[str], loose: Iterable[Named] = ()) -> TablesRead:
        """All tables that are read when these are. Raises PolicyError for what changes without any sign."""
        found = TablesRead()
        rest = [*names, *self._found(loose, None, loosely=True)]
        called: dict[str, None] = dict.fromkeys((*functions, *self.description.unnamed))
        done: set[str] = set()
        while rest or called:
            while rest:
                name = rest.pop(0)
                if name not in found.tables:
                    found.tables[name] = None
                    self._read(name, rest, called)
            function = next(iter(called), None)
            if function is not None:
                del called[function]
                if function not in done:
                    done.add(function)
                    self._run(function, found, rest, called)
        return found

    def _read(self, name: TableName, rest: list[TableName], called: dict[str, None]) -> None:
        plain = _plain(name)
        if self._is_system(name):
            raise PolicyError(
                f"a cached loader reads {name[1]!r}, the database's own catalogue, of which no change can be seen. "
                "Read it outside of cached functions, or declare frescor_reads=[] if it does not matter."
            )
        kind = self.description.relations.get(name)
        if kind == SEQUENCE:
            raise PolicyError(
                f"a cached loader reads the sequence {plain!r}, which changes whatever transactions do. Read it "
                "outside of cached functions, or declare frescor_reads=[] if it does not matter."
            )
        rest += self.above(name)
        if name in self._views:
            rest += self._views[name]
            return
        for view in (self.description.views.get(name), self.description.policies.get(name)):
            # A materialized view changes only when it is refreshed.
            if view is not None and kind != STORED_VIEW:
                self._look_through(plain, view, rest, called)
        rest += self.description.parts.get(name, ())

    def _look_through(self, plain: str, view: View, rest: list[TableName], called: dict[str, None]) -> None:
        rest += view.tables
        called.update(dict.fromkeys(view.functions))
        told, system = True, view.system
        if view.body is not None:
            facts = view.body.facts
            told = facts is not None and facts.unknown is None
            if facts is not None:
                names = self._names_of(view.body, facts)
                system = system or any(map(self._is_system, names))
                rest += names
                called.update(dict.fromkeys(facts.functions))
        if system or not told:
            said = "it reads the database's own catalogue" if system else "it is unknown what it reads"
            raise PolicyError(
                f"{plain!r} is a view, and {said}. Declare it: track(engine, cache, views={{{plain!r}: ('table', …)}})."
            )

    def _run(self, function: str, found: TablesRead, rest: list[TableName], called: dict[str, None]) -> None:
        if function in self._functions:
            rest += self._functions[function]
            return
        for body in self.description.routines.get(function, ()):
            if body.facts is None:
                found.untold[function] = None
            else:
                rest += self._names_of(body, body.facts)
                called.update(dict.fromkeys(body.facts.functions))

    # -- writes -------------------------------------------------------------------------------------------------------

    def along(self, table: TableName, kind: Kind, columns: Collection[str] | None) -> WrittenAlong:
        """What the database changes along with such a write; columns: those that an update sets."""
        first: _Event = (table, kind, None if columns is None else frozenset(map(str.lower, columns)))
        found = WrittenAlong()
        self._follow([first], found, first)
        found.tables.pop(table, None)
        return found

    def of_functions(self, functions: Iterable[str], *, procedures: bool = False) -> WrittenAlong:
        """What the functions that a statement calls write. procedures: an unknown one counts as untold."""
        found = WrittenAlong()
        events: list[_Event] = []
        for function in functions:
            if procedures and function not in self._functions and function not in self.description.routines:
                found.untold[f"the procedure {function!r}"] = None
            self._call(function, events, found, set(), declared=procedures)
        self._follow(events, found, None)
        return found

    def _follow(self, events: list[_Event], found: WrittenAlong, first: _Event | None) -> None:
        done: set[_Event] = set()
        while events:
            event = events.pop()
            table, kind, columns = event
            if event is not first:
                # Even if it equals the first event: it affects rows of that table that the statement does not name.
                found.tables[table] = None
                found.whole = found.whole or (first is not None and table == first[0])
            if event in done:
                continue
            done.add(event)
            above = list(self.above(table))
            found.tables.update(dict.fromkeys(above))
            if kind == "schema":
                continue
            for part in {table, *above, *self._below(table)}:
                self._fire(part, kind, columns, events, found, own=event is first)
            if table in self.description.replaces and kind in ("insert", "update"):
                events.append((table, "delete", None))

    def _fire(
        self,
        table: TableName,
        kind: Kind,
        columns: frozenset[str] | None,
        events: list[_Event],
        found: WrittenAlong,
        *,
        own: bool,
    ) -> None:
        description = self.description
        divided = self.is_divided(table)
        for trigger in description.triggers.get(table, ()):
            # An update may move a row to another partition, which fires the triggers of an insert and a delete.
            if (
                kind in trigger.kinds
                or (kind == "truncate" and "delete" in trigger.kinds)
                or (kind == "update" and divided)
            ):
                found.whole = found.whole or (own and trigger.changes_row)
                columns = None if trigger.changes_row or trigger.function or trigger.body else columns
                self._trigger(table, trigger, events, found)
        for reference in self._references.get(table, ()):
            if kind == "truncate":
                events.append((reference.table, "truncate", None))
            if kind == "delete" and reference.on_delete in ACTIONS:
                events.append(
                    (reference.table, "delete", None) if reference.on_delete == "CASCADE" else _update(reference)
                )
            elif kind == "update" and reference.on_update in ACTIONS and _meets(columns, reference.referred):
                events.append(_update(reference))
        view = description.views.get(table)
        if table in self._views:
            events += [(name, kind, None) for name in self._views[table]]
        elif view is not None and description.relations.get(table) != STORED_VIEW:
            behind = [*view.tables]
            if view.body is not None and view.body.facts is not None:
                behind += self._names_of(view.body, view.body.facts)
            events += [(name, kind, None) for name in behind]
        events += [(name, kind, None) for name in description.parts.get(table, ())]
        if kind in ("insert", "update"):
            for function in description.calls.get(table, ()):
                self._call(function, events, found, set(), declared=False)

    def _trigger(self, table: TableName, trigger: Trigger, events: list[_Event], found: WrittenAlong) -> None:
        events += [(name, kind, None) for name in trigger.tables for kind in _ANY]
        if trigger.function is not None:
            if trigger.function in self._functions:
                self._call(trigger.function, events, found, set(), declared=True)
            elif trigger.function not in self.description.routines:
                found.untold[f"the trigger {trigger.name!r} of {_plain(table)!r}"] = None
            else:
                self._call(trigger.function, events, found, set(), declared=False)
        if trigger.body is not None:
            self._body(f"the trigger {trigger.name!r} of {_plain(table)!r}", trigger.body, events, found, set())

    def _call(
        self, function: str, events: list[_Event], found: WrittenAlong, done: set[str], *, declared: bool
    ) -> None:
        if function in done:
            return
        done.add(function)
        if function in self._functions:
            # For procedures and triggers the tables that they write to are declared; for functions, those they read.
            events += [(name, kind, None) for name in self._functions[function] for kind in _ANY if declared]
            return
        for body in self.description.routines.get(function, ()):
            self._body(f"the function {function!r}", body, events, found, done)

    def _body(self, what: str, body: Body, events: list[_Event], found: WrittenAlong, done: set[str]) -> None:
        facts = body.facts
        if facts is None or facts.everything:
            found.untold[what] = None
            return
        for target in facts.writes:
            events += [(name, target.kind, None) for name in self._found([target.table], body.schema, loosely=False)]
        for function in facts.functions:
            self._call(function, events, found, done, declared=False)

    def above(self, table: TableName) -> Iterator[TableName]:
        """The tables that this one is a part of."""
        return _reachable(table, self.description.parents)

    def is_divided(self, table: TableName) -> bool:
        """Whether it is a part of other tables, or has parts."""
        return table in self.description.parents or table in self._children

    def _below(self, table: TableName) -> Iterator[TableName]:
        return _reachable(table, self._children)


_ANY: tuple[Kind, ...] = ("insert", "update", "delete")


def _reachable(start: TableName, steps: Mapping[TableName, Collection[TableName]]) -> Iterator[TableName]:
    done, rest = {start}, [*steps.get(start, ())]
    while rest:
        found = rest.pop()
        if found not in done:
            done.add(found)
            yield found
            rest += steps.get(found, ())


def _meets(columns: frozenset[str] | None, referred: frozenset[str]) -> bool:
    return columns is None or not referred or bool(columns & referred)


def _update(reference: Reference) -> _Event:
    return (reference.table, "update", reference.columns)


def _plain(name: TableName) -> str:
    return name[1] if name[0] is None else f"{name[0]}.{name[1]}"


def declared_references(metadata: sa.MetaData, default: str | None) -> set[tuple[TableName, Reference]]:
    """The foreign keys with actions that models declare."""
    found = set()
    for table in metadata.tables.values():
        for key in table.foreign_key_constraints:
            actions = str(key.ondelete or "").upper(), str(key.onupdate or "").upper()
            try:
                referred: Any = key.referred_table
            except sa.exc.InvalidRequestError:
                continue  # it refers to a table that is not declared here: the database tells of it
            columns = frozenset(str.lower(column.name) for column in key.columns)
            refers = frozenset(str.lower(element.column.name) for element in key.elements)
            actions = (_action(actions[0]), _action(actions[1]))
            reference = Reference(table_name(table.schema, table.name, default), columns, refers, *actions)
            found.add((table_name(referred.schema, referred.name, default), reference))
    return found


def _action(text: str) -> str:
    # As in `SET NULL (a, b)`, by which PostgreSQL sets only some of the columns.
    return next((action for action in ACTIONS if text.startswith(action)), "")
