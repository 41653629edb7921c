"""Text about the schema, the session and the transaction: what it changes, and what cannot be told."""

import pytest

from frescor.sqlalchemy._statements.facts import Facts
from frescor.sqlalchemy._statements.text import facts_of_text


def written(facts: Facts) -> set[tuple[str, str]]:
    return {(target.table[1], target.kind) for target in facts.writes}


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
