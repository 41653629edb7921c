"""PostgreSQL's catalogue, by one query whose answer is one JSON text.

PostgreSQL's own functions, and those that extensions bring as machine code, are assumed to read and write no tables.
Other functions are analysed by the text of their bodies.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

from frescor.sqlalchemy._catalog.description import (
    SEQUENCE,
    STORED_VIEW,
    TABLE,
    VIEW,
    Body,
    Description,
    Reference,
    Trigger,
    View,
)
from frescor.sqlalchemy._statements.facts import Facts, Kind
from frescor.sqlalchemy._statements.lexer import Tokens, tokens_of
from frescor.sqlalchemy._statements.tags import TableName, table_name
from frescor.sqlalchemy._statements.utility import facts_of_body

_OWN = "frescor_outbox"
_RELATIONS = {"v": VIEW, "m": STORED_VIEW, "S": SEQUENCE}
_ACTIONS = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
# The bits of pg_trigger.tgtype.
_BEFORE, _BITS = 2, {4: "insert", 8: "delete", 16: "update", 32: "truncate"}
_RULES: dict[str, Kind] = {"2": "update", "3": "insert", "4": "delete"}
_THEIRS = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'"
# Oids below this belong to the system.
_FIRST_OID = 16384
_QUERY = f"""
WITH own AS MATERIALIZED (
  SELECT c.oid, n.nspname AS s, c.relname AS t, c.relkind AS k FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND {_THEIRS}
), depends AS MATERIALIZED (
  SELECT d.classid, d.objid, d.refobjid, o.s, o.t FROM pg_catalog.pg_depend d
  JOIN own o ON o.oid = d.refobjid WHERE d.refclassid = 'pg_catalog.pg_class'::regclass
), calls AS MATERIALIZED (
  SELECT DISTINCT d.classid, d.objid, p.proname AS f FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass
)
SELECT json_build_object(
  'path', (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'),
  'now', array_to_json(current_schemas(false)),
  'user', session_user,
  'schemas', (SELECT json_agg(nspname) FROM pg_catalog.pg_namespace),
  'relations', (SELECT json_agg(json_build_array(s, t, k)) FROM own),
  'parents', (SELECT json_agg(json_build_array(o.s, o.t, p.s, p.t)) FROM pg_catalog.pg_inherits i
    JOIN own o ON o.oid = i.inhrelid JOIN own p ON p.oid = i.inhparent),
  'keys', (SELECT json_agg(json_build_array(o.s, o.t, r.s, r.t, c.confdeltype, c.confupdtype,
      (SELECT json_agg(a.attname) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)),
      (SELECT json_agg(a.attname) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.confrelid AND a.attnum = ANY (c.confkey))))
    FROM pg_catalog.pg_constraint c JOIN own o ON o.oid = c.conrelid JOIN own r ON r.oid = c.confrelid
    WHERE c.contype = 'f'),
  'primary', (SELECT json_agg(json_build_array(o.s, o.t, (SELECT json_agg(a.attname) FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey))))
    FROM pg_catalog.pg_constraint c JOIN own o ON o.oid = c.conrelid WHERE c.contype = 'p'),
  'rules', (SELECT json_agg(json_build_array(o.s, o.t, r.rulename, r.ev_type,
      (SELECT json_agg(json_build_array(d.s, d.t)) FROM depends d
        WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid),
      (SELECT json_agg(c.f) FROM calls c WHERE c.classid = 'pg_catalog.pg_rewrite'::regclass AND c.objid = r.oid),
      (SELECT bool_or(m[1]::bigint BETWEEN 1 AND {_FIRST_OID - 1})
        FROM regexp_matches(r.ev_action::text, ':relid (\\d+)', 'g') m)))
    FROM pg_catalog.pg_rewrite r JOIN own o ON o.oid = r.ev_class),
  'policies', (SELECT json_agg(json_build_array(o.s, o.t,
      (SELECT json_agg(json_build_array(d.s, d.t)) FROM depends d
        WHERE d.classid = 'pg_catalog.pg_policy'::regclass AND d.objid = p.oid),
      (SELECT json_agg(c.f) FROM calls c WHERE c.classid = 'pg_catalog.pg_policy'::regclass AND c.objid = p.oid)))
    FROM pg_catalog.pg_policy p JOIN own o ON o.oid = p.polrelid),
  'triggers', (SELECT json_agg(json_build_array(o.s, o.t, g.tgname, g.tgtype, f.proname, n.nspname, l.lanname))
    FROM pg_catalog.pg_trigger g JOIN own o ON o.oid = g.tgrelid JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid
    JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace JOIN pg_catalog.pg_language l ON l.oid = f.prolang
    WHERE NOT g.tgisinternal AND g.tgenabled <> 'D'),
  'computed', (SELECT json_agg(json_build_array(o.s, o.t)) FROM own o WHERE EXISTS (SELECT 1
      FROM pg_catalog.pg_attribute a WHERE a.attrelid = o.oid AND a.attgenerated <> '')),
  'calls', (SELECT json_agg(json_build_array(o.s, o.t, c.f)) FROM calls c
    JOIN (SELECT 'pg_catalog.pg_attrdef'::regclass AS k, oid, adrelid AS r FROM pg_catalog.pg_attrdef
      UNION ALL SELECT 'pg_catalog.pg_constraint'::regclass, oid, conrelid FROM pg_catalog.pg_constraint) u
    ON u.k = c.classid AND u.oid = c.objid JOIN own o ON o.oid = u.r),
  'aggregates', (SELECT json_agg(json_build_array(n.nspname, p.proname, (SELECT json_agg(f.proname)
      FROM pg_catalog.pg_proc f
      WHERE f.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggmfinalfn))))
    FROM pg_catalog.pg_aggregate a JOIN pg_catalog.pg_proc p ON p.oid = a.aggfnoid
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE {_THEIRS}),
  'unnamed', (SELECT json_agg(DISTINCT p.proname) FROM (SELECT castfunc AS f FROM pg_catalog.pg_cast
      UNION SELECT oprcode FROM pg_catalog.pg_operator) u JOIN pg_catalog.pg_proc p ON p.oid = u.f
    WHERE p.oid >= {_FIRST_OID}),
  'routines', (SELECT json_agg(json_build_array(n.nspname, p.proname, l.lanname,
      CASE WHEN p.prosrc = '' AND l.lanname = 'sql' THEN pg_get_functiondef(p.oid) ELSE p.prosrc END))
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE p.prokind <> 'a' AND {_THEIRS} AND NOT (l.lanname IN ('c', 'internal') AND EXISTS (SELECT 1
      FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')))
)::text
"""  # noqa: S608  # of this module's own parts
_DIGEST = "(SELECT count(*) || ' ' || coalesce(sum(hashtext({})), 0) FROM pg_catalog.{})"  # cheap, and changes with it
_VERSION = "oid::text || xmin::text"
_MARK = "SELECT " + " || ' ' || ".join(
    _DIGEST.format(row, table)
    for row, table in (
        (_VERSION, "pg_class WHERE relpersistence <> 't' AND relkind IN ('r', 'v', 'm', 'f', 'p', 'S')"),
        (_VERSION, "pg_constraint"),
        (_VERSION, "pg_trigger"),
        (_VERSION, "pg_rewrite"),
        (_VERSION, "pg_policy"),
        (_VERSION, "pg_attrdef"),
        (_VERSION, "pg_cast"),
        (_VERSION, "pg_operator"),
        (_VERSION, f"pg_proc WHERE oid >= {_FIRST_OID}"),
        ("inhrelid::text || inhparent::text", "pg_inherits"),
    )
)


def describe_postgresql(cursor: Any, default: str | None, *, base: bool) -> Description:
    """The description, queried on the driver's cursor, whose errors this raises. base: this connection searches other
    schemas than the others."""
    cursor.execute(_QUERY)
    found: dict[str, Any] = msgspec.json.decode(_only(cursor))
    return _CatalogReader(found, default, base=base).description()


def mark_of_postgresql(cursor: Any) -> object:
    """A value that differs once the catalogue has changed."""
    cursor.execute(_MARK)
    return _only(cursor)


def path_of_postgresql(cursor: Any, default: str | None) -> tuple[str | None, ...]:
    """The schemas that this connection searches for a name without one, at this moment."""
    cursor.execute("SELECT array_to_json(current_schemas(false))::text")
    return tuple(table_name(schema, "", default)[0] for schema in msgspec.json.decode(_only(cursor)))


def _only(cursor: Any) -> Any:
    row = cursor.fetchone()
    # The application may have configured its driver to return dictionaries.
    return next(iter(row.values())) if isinstance(row, dict) else row[0]


class _CatalogReader:
    def __init__(self, found: dict[str, Any], default: str | None, *, base: bool) -> None:
        self._base = base
        self._found = found
        self._default = default

    def _all(self, what: str) -> list[Any]:
        return self._found[what] or []

    def _name(self, schema: str, name: str) -> TableName:
        return table_name(schema, name, self._default)

    def _schema(self, schema: str) -> str | None:
        return table_name(schema, "", self._default)[0]

    def _names(self, pairs: list[Any] | None) -> frozenset[TableName]:
        return frozenset(self._name(*pair) for pair in pairs or ())

    def description(self) -> Description:
        relations = {
            self._name(schema, name): _RELATIONS.get(kind, TABLE) for schema, name, kind in self._all("relations")
        }
        parents: dict[TableName, frozenset[TableName]] = defaultdict(frozenset)
        for schema, name, over, parent in self._all("parents"):
            parents[self._name(schema, name)] |= {self._name(over, parent)}
        routines: dict[str, tuple[Body, ...]] = defaultdict(tuple)
        for schema, name, language, source in self._all("routines"):
            facts = facts_of_body(source, "postgresql") if language in ("sql", "plpgsql") else None
            routines[name.lower()] += (Body(self._schema(schema), facts),)
        for schema, name, functions in self._all("aggregates"):
            facts = Facts(functions=tuple(map(str.lower, functions or ())))
            routines[name.lower()] += (Body(self._schema(schema), facts),)
        calls: dict[TableName, frozenset[str]] = defaultdict(frozenset)
        for schema, name, function in self._all("calls"):
            calls[self._name(schema, name)] |= {function.lower()}
        views, triggers = self._rules()
        for table, trigger in self._triggers():
            triggers[table] += (trigger,)
        return Description(
            path=self._path(),
            relations=relations,
            views=views,
            policies=self._policies(),
            references=frozenset(self._references()),
            parents=dict(parents),
            triggers=dict(triggers),
            routines=dict(routines),
            unnamed=frozenset(map(str.lower, self._all("unnamed"))) & routines.keys(),
            alters=frozenset(self._alters()),
            calls={table: functions for table, functions in calls.items() if functions & routines.keys()},
        )

    def _path(self) -> tuple[str | None, ...]:
        if not self._base:
            return tuple(map(self._schema, self._all("now"))) or (None,)
        tokens: Tokens = tokens_of(self._found["path"] or "", "postgresql")
        names = [token.text for token in tokens if token.is_name]
        there = set(self._all("schemas"))
        schemas = [self._found["user"] if name == "$user" else name for name in names]
        return tuple(dict.fromkeys(self._schema(schema) for schema in schemas if schema in there)) or (None,)

    def _references(self) -> set[tuple[TableName, Reference]]:
        found = set()
        for schema, name, over, referred, on_delete, on_update, columns, refers in self._all("keys"):
            reference = Reference(
                self._name(schema, name),
                frozenset(column.lower() for column in columns or ()),
                frozenset(column.lower() for column in refers or ()),
                _ACTIONS.get(on_delete, ""),
                _ACTIONS.get(on_update, ""),
            )
            found.add((self._name(over, referred), reference))
        return found

    def _rules(self) -> tuple[dict[TableName, View], dict[TableName, tuple[Trigger, ...]]]:
        views: dict[TableName, View] = {}
        triggers: dict[TableName, tuple[Trigger, ...]] = defaultdict(tuple)
        for schema, name, rule, kind, tables, functions, system in self._all("rules"):
            own = self._name(schema, name)
            others = self._names(tables) - {own}
            if kind == "1":
                views[own] = View(others, frozenset(map(str.lower, functions or ())), bool(system))
                continue
            triggers[own] += (Trigger(rule, frozenset({_RULES[kind]}), tables=others or frozenset({own})),)
            for function in functions or ():
                triggers[own] += (Trigger(rule, frozenset({_RULES[kind]}), function=function.lower()),)
        return views, triggers

    def _policies(self) -> dict[TableName, View]:
        found: dict[TableName, View] = {}
        for schema, name, tables, functions in self._all("policies"):
            own = self._name(schema, name)
            known = found.get(own, View())
            called = frozenset(map(str.lower, functions or ()))
            found[own] = View(known.tables | (self._names(tables) - {own}), known.functions | called)
        return found

    def _alters(self) -> Iterator[TableName]:
        for schema, name in self._all("computed"):
            yield self._name(schema, name)
        for schema, name, trigger, bits, *_ in self._all("triggers"):
            if bits & _BEFORE and not trigger.startswith(_OWN):
                yield self._name(schema, name)

    def _triggers(self) -> list[tuple[TableName, Trigger]]:
        found = []
        sources = {(schema, name): source for schema, name, _, source in self._all("routines")}
        keys = {(schema, name): frozenset(map(str.lower, columns)) for schema, name, columns in self._all("primary")}
        for schema, name, trigger, bits, function, over, language in self._all("triggers"):
            if (
                trigger.startswith(_OWN)
                or over == "pg_catalog"
                or (language in ("c", "internal") and function in _HARMLESS)
            ):
                continue
            kinds: frozenset[Any] = frozenset(kind for bit, kind in _BITS.items() if bits & bit)
            before = bool(bits & _BEFORE)
            key = keys.get((schema, name), frozenset())
            changes = before and _may_change_key(sources.get((over, function), ""), key)
            found.append((self._name(schema, name), Trigger(trigger, kinds, function.lower(), changes_row=changes)))
        return found


# Trigger functions of PostgreSQL's own extensions that set columns of the row, but never its key.
_HARMLESS = frozenset({"autoinc", "insert_username", "moddatetime", "tsvector_update_trigger", "timetravel"})


def _may_change_key(source: str, key: frozenset[str]) -> bool:
    """Whether a trigger's body may give the new row another key than the statement says."""
    tokens = tokens_of(source, "postgresql")
    words = [token.keyword for token in tokens]
    for place, word in enumerate(words):
        before = words[place - 1] if place else ""
        if word == "RETURN" and words[place + 1 : place + 2] not in (["NEW"], ["OLD"], ["NULL"]):
            return True
        if word != "NEW":
            continue
        if words[place + 1 : place + 2] != ["."]:
            # The row as a whole: is it assigned, or only read?
            if before in ("INTO", ",") or words[place + 1 : place + 2] in ([":="], ["="]):
                return True
        elif (before in ("INTO", ",") or words[place + 3 : place + 4] in ([":="], ["="], ["["])) and (
            not key or tokens[place + 2].text.lower() in key
        ):
            return True
    return False
