"""Textual SQL: which tables it reads and writes."""

import builtins
from typing import Any

import pytest

from frescor import PolicyError
from frescor.sqlalchemy._statements.facts import Facts
from frescor.sqlalchemy._statements.text import facts_of_text


def written(facts: Facts) -> set[tuple[str, str]]:
    return {(target.table[1], target.kind) for target in facts.writes}


def read(facts: Facts) -> set[str]:
    return {name if schema is None else f"{schema}.{name}" for schema, name in facts.reads}


READS = {
    "SELECT * FROM a": {"a"},
    'SELECT * FROM "A" x, s.b AS y': {"A", "s.b"},
    "SELECT (SELECT max(id) FROM a) FROM b LEFT JOIN c USING (id) WHERE EXISTS (SELECT 1 FROM d)": {"a", "b", "c", "d"},
    "WITH t AS (SELECT * FROM a) SELECT * FROM t UNION SELECT * FROM b": {"a", "b", "t"},
    "WITH RECURSIVE t AS (SELECT id FROM a UNION ALL SELECT a.id FROM a JOIN t ON t.id = a.up) TABLE t": {"a", "t"},
    "SELECT * FROM a WHERE id = %(id)s AND name LIKE 'x%%'": {"a"},
    "SELECT * FROM a WHERE id = %s": {"a"},
    "SELECT * FROM a WHERE id = :id": {"a"},
    "SELECT * FROM a WHERE id = ?": {"a"},
    "/* note */ -- more\n select 1 FROM a": {"a"},
    "(SELECT 1 FROM a) UNION (SELECT 1 FROM b)": {"a", "b"},
    "VALUES (1), (2)": set(),
    "SELECT 'FROM a; DELETE FROM b'": set(),
    "SELECT 1; SELECT 2 FROM a": {"a"},
    "SET statement_timeout = 5": set(),
    "PRAGMA foreign_keys = ON": set(),
    "SAVEPOINT one": set(),
    "ROLLBACK TO SAVEPOINT one": set(),
}
WRITES = {
    "INSERT INTO a VALUES (1)": {("a", "insert")},
    "INSERT INTO a (x) SELECT y FROM b": {("a", "insert")},
    "INSERT INTO a (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET x = 1": {("a", "insert"), ("a", "update")},
    "INSERT OR REPLACE INTO a VALUES (1)": {("a", "insert"), ("a", "delete")},
    "REPLACE INTO a VALUES (1)": {("a", "insert"), ("a", "delete")},
    "UPDATE OR REPLACE a SET x = 1": {("a", "update"), ("a", "delete")},
    "UPDATE a SET x = b.x FROM b WHERE b.id = a.id": {("a", "update")},
    "DELETE FROM s.a USING b WHERE b.id = a.id": {("a", "delete")},
    "WITH gone AS (DELETE FROM a RETURNING id) INSERT INTO b SELECT id FROM gone": {("a", "delete"), ("b", "insert")},
    "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE": {
        ("a", "insert"),
        ("a", "update"),
        ("a", "delete"),
    },
    "TRUNCATE a, b": {("a", "truncate"), ("b", "truncate")},
    "DROP TABLE a": {("a", "delete")},
    "ALTER TABLE ONLY a ALTER CONSTRAINT c DEFERRABLE": {("a", "schema")},
    "REFRESH MATERIALIZED VIEW CONCURRENTLY a": {("a", "update")},
    "CREATE OR REPLACE VIEW a AS SELECT * FROM b": {("a", "schema")},
    "CREATE TABLE a (id int)": {("a", "schema")},
    "COPY a FROM STDIN": {("a", "insert")},
    "BEGIN; UPDATE a SET x = 1": {("a", "update")},
}


@pytest.mark.parametrize("sql", READS)
def test_text_reads_the_tables_that_it_names(sql: str) -> None:
    assert read(facts_of_text(sql, "postgresql")) == READS[sql]
    assert facts_of_text(sql, "postgresql").writes == ()


@pytest.mark.parametrize("sql", WRITES)
def test_text_writes_to_the_tables_that_it_changes(sql: str) -> None:
    dialect = "sqlite" if "REPLACE INTO" in sql or "UPDATE OR" in sql else "postgresql"
    assert written(facts_of_text(sql, dialect)) == WRITES[sql]


@pytest.mark.parametrize("sql", ["COMMIT", " end ", "/* */ ROLLBACK", "ABORT", "UPDATE a SET x = 1; COMMIT"])
def test_text_that_ends_the_transaction_is_told_apart(sql: str) -> None:
    assert facts_of_text(sql, "postgresql").control is not None


@pytest.mark.parametrize(
    "sql",
    ["FROBNICATE a", "EXPLAIN ANALYZE EXECUTE x", "DO $$ BEGIN EXECUTE 'DELETE FROM ' || t; END $$", "EXECUTE x"],
)
def test_text_that_cannot_be_told_counts_as_everything_and_says_how_to_declare_it(sql: str) -> None:
    facts = facts_of_text(sql, "postgresql")
    assert facts.everything
    assert "frescor_writes" in (facts.unknown or "")


@pytest.mark.parametrize(
    "sql",
    [
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    ],
)
def test_text_that_may_set_the_isolation_is_told_apart(sql: str) -> None:
    assert facts_of_text(sql, "postgresql").isolation


def test_without_sqlglot_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("sqlglot"):
            raise ImportError(name)
        return plain(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(PolicyError, match="pip install"):
        facts_of_text("SELECT 1 FROM nobody_has_asked_for_this", "postgresql")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM a WHERE b = 5 + %(5_1)s",
        "SELECT DISTINCT ON (b) b FROM a ORDER BY b USING <",
        "SELECT count(*) FROM a WHERE i <<= '10.0.0.0/8'::cidr",
        "EXPLAIN (ANALYZE, COSTS OFF) SELECT 1 FROM a",
        "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM a",
        "COPY (SELECT * FROM a) TO STDOUT",
        "TABLE a",
        "SELECT $$; DELETE FROM b$$ FROM a -- ; DELETE FROM b",
        "SELECT 1 /* ; /* nested */ DELETE FROM b */ FROM a",
        r"SELECT E'it\'s; DELETE FROM b' FROM a",
    ],
)
def test_a_query_is_read_whatever_the_form_of_what_is_in_it(sql: str) -> None:
    facts = facts_of_text(sql, "postgresql")
    assert (facts.unknown, facts.everything, facts.writes) == (None, False, ())
    assert "a" in {name for _, name in (*facts.reads, *facts.loose)}
