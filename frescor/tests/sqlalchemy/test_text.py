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


HARMLESS = [
    "ANALYZE a", "VACUUM (FULL) a", "REINDEX TABLE a", "CLUSTER a", "COMMENT ON TABLE a IS 'x; y'", "LOCK TABLE a",
    "GRANT SELECT ON a TO b", "REVOKE ALL ON a FROM b", "LISTEN x", "NOTIFY x, 'y'", "UNLISTEN *", "CHECKPOINT",
    "SET LOCAL statement_timeout = 0", "SHOW work_mem", "DISCARD ALL", "PREPARE p AS SELECT 1", "DEALLOCATE p",
    "FETCH 5 FROM c", "MOVE c", "CLOSE c", "SECURITY LABEL ON TABLE a IS 'x'", "REASSIGN OWNED BY a TO b",
    "CREATE EXTENSION IF NOT EXISTS citext", "CREATE DOMAIN d AS int CHECK (value > 0)", "CREATE TYPE e AS ENUM ('a')",
    "CREATE INDEX CONCURRENTLY i ON a (b)", "DROP INDEX CONCURRENTLY i", "CREATE SCHEMA s", "CREATE ROLE r",
    "CREATE UNIQUE INDEX IF NOT EXISTS i ON a (lower(b)) WHERE b > 0", "CREATE SERVER s FOREIGN DATA WRAPPER f",
    "CREATE PUBLICATION p FOR ALL TABLES", "ALTER ROLE r SET search_path = x", "ALTER INDEX i RENAME TO j",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO r", "CREATE STATISTICS s ON a, b FROM t", "DROP TRIGGER t ON a",
    "ALTER SYSTEM SET x = 1", "CREATE USER MAPPING FOR r SERVER s", "IMPORT FOREIGN SCHEMA s FROM SERVER f INTO p",
]  # fmt: skip


@pytest.mark.parametrize("sql", HARMLESS)
def test_what_reads_and_writes_no_rows_passes(sql: str) -> None:
    facts = facts_of_text(sql, "postgresql")
    assert (facts.unknown, facts.everything, facts.reads, facts.writes, facts.control) == (None, False, (), (), None)


FAR = [
    "DROP SCHEMA s CASCADE", "ALTER SCHEMA s RENAME TO t", "ALTER TYPE e RENAME VALUE 'a' TO 'b'",
    "DROP TYPE e CASCADE",
    "DROP OWNED BY r", "DROP EXTENSION x CASCADE", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()", "DROP FUNCTION f(int)",
    "DROP DOMAIN d CASCADE",
    "CREATE RULE r AS ON INSERT TO a DO ALSO SELECT 1", "ALTER FUNCTION f() RENAME TO g", "ALTER EXTENSION x UPDATE",
    "CREATE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC DELETE FROM a; DELETE FROM b; END",
]  # fmt: skip


@pytest.mark.parametrize("sql", FAR)
def test_what_reaches_further_than_its_text_counts_as_everything_and_is_told(sql: str) -> None:
    facts = facts_of_text(sql, "postgresql")
    assert (facts.everything, facts.unknown, facts.changes_schema) == (True, None, True)


NAMES = {
    'ALTER TABLE "My S"."T 1" RENAME TO "T ""2"': {("My S", "T 1"), ("My S", 'T "2')},
    'ALTER TABLE IF EXISTS ONLY a SET SCHEMA "S 2"': {(None, "a"), ("S 2", "a")},
    "ALTER TABLE a RENAME COLUMN b TO c": {(None, "a")},
    "ALTER TABLE a ATTACH PARTITION s.b FOR VALUES IN (1)": {(None, "a"), ("s", "b")},
    "ALTER TABLE a NO INHERIT b": {(None, "a"), (None, "b")},
    'DROP TABLE IF EXISTS "a,b", s."c.d" CASCADE': {(None, "a,b"), ("s", "c.d")},
    'DROP MATERIALIZED VIEW "V 1"': {(None, "V 1")},
    'ALTER VIEW "V 1" RENAME TO v2': {(None, "V 1"), (None, "v2")},
    'TRUNCATE TABLE ONLY "A", s."B" * RESTART IDENTITY CASCADE': {(None, "A"), ("s", "B")},
    'CREATE TEMP TABLE "T" AS SELECT 1': {(None, "T")},
    'REFRESH MATERIALIZED VIEW CONCURRENTLY "s"."M v"': {("s", "M v")},
    'COPY "T 1" (a, b) FROM STDIN': {(None, "T 1")},
    'ALTER POLICY p ON "T 1" USING (true)': {(None, "T 1")},
    'CREATE OR REPLACE RECURSIVE VIEW "V"(n) AS VALUES (1)': {(None, "V")},
    "SELECT * INTO TEMP s.t FROM a": {("s", "t")},
    'DROP VIEW U&"d\\0061t"': {(None, "dat")},
}


@pytest.mark.parametrize("sql", NAMES)
def test_statements_about_the_schema_name_what_they_change(sql: str) -> None:
    assert {target.table for target in facts_of_text(sql, "postgresql").writes} == NAMES[sql]


MYSQL = {
    "RENAME TABLE a TO b, c TO d": {"a", "b", "c", "d"},
    "DELETE a FROM a JOIN b ON a.id = b.id": {"a", "b"},
    "UPDATE a JOIN b ON a.id = b.id SET b.x = 1": {"a", "b"},
    "LOAD DATA INFILE 'f' INTO TABLE a": {"a"},
    "INSERT INTO a (x) VALUES (%s) ON DUPLICATE KEY UPDATE x = 1": {"a"},
    "REPLACE INTO `a b` (x) VALUES (1)": {"a b"},
    "TRUNCATE a": {"a"},
    "DROP TABLE `a`": {"a"},
}


@pytest.mark.parametrize("sql", MYSQL)
def test_text_of_mysql_names_what_it_changes(sql: str) -> None:
    assert {target.table[1] for target in facts_of_text(sql, "mysql").writes} == MYSQL[sql]


@pytest.mark.parametrize("sql", ["LOCK TABLES a WRITE", "BEGIN", "TRUNCATE a", "ANALYZE TABLE a", "SET autocommit = 1"])
def test_what_mysql_commits_before_is_told_apart(sql: str) -> None:
    assert facts_of_text(sql, "mysql").commits


@pytest.mark.parametrize(
    "sql", ["PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'", "ROLLBACK PREPARED 'x'", "XA END 'x'"]
)
def test_two_phase_transactions_as_text_end_a_transaction(sql: str) -> None:
    assert facts_of_text(sql, "postgresql").control is not None


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
