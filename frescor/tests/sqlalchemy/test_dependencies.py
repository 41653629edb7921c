"""What a database does along with a write, and reads behind a name: a cached query equals the uncached one after it.

Each case is a schema, what is read (and cached) of it, and what one transaction then does; `commit` stands for a
commit, after which all is read again.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from frescor import Cache
from frescor.sqlalchemy import Tracking, track
from frescor.testing.private_postgres import PrivatePostgres

COMMIT = "commit"


@dataclass(frozen=True)
class Case:
    schema: Sequence[str]
    reads: Sequence[str]
    writes: Sequence[str]


class Watched:
    """A database of one test, and queries on it that are cached by their text."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.cache = Cache.from_url("memory://", "test")
        self.tracking: Tracking = track(engine, self.cache, outbox=False)
        self.loads: list[str] = []

        @self.cache.cached(expire=600, key_prefix="query", early=False)
        def query(sql: str) -> str:
            self.loads.append(sql)
            with engine.connect() as connection:
                try:
                    return repr([tuple(row) for row in connection.exec_driver_sql(sql)])
                except sa.exc.DBAPIError as error:
                    connection.rollback()
                    return type(error.orig).__name__

        self.query = query

    def prepare(self, script: str) -> None:
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            if isinstance(driver, sqlite3.Connection):
                driver.executescript(script)
            else:
                cursor = connection.connection.cursor()
                cursor.execute(script)
                connection.connection.commit()

    def write(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def check(self, case: Case) -> None:
        self.prepare(";\n".join(case.schema))
        before = [self.query(sql) for sql in case.reads]
        with self.engine.connect() as connection:
            for statement in case.writes:
                if statement == COMMIT:
                    connection.commit()
                    [self.query(sql) for sql in case.reads]
                else:
                    connection.exec_driver_sql(statement)
            connection.commit()
        after = [self.query.uncached(sql) for sql in case.reads]
        assert after != before, "the case shows nothing"
        assert [self.query(sql) for sql in case.reads] == after

    def close(self) -> None:
        self.tracking.close()
        self.cache.close()
        self.engine.dispose()


@pytest.fixture
def sqlite() -> Iterator[Watched]:
    watched = Watched(sa.create_engine("sqlite://", poolclass=sa.StaticPool))
    yield watched
    watched.close()


@pytest.fixture
def postgres(postgres_server: PrivatePostgres) -> Iterator[Watched]:
    watched = Watched(sa.create_engine(postgres_server.make_database()))
    yield watched
    watched.close()


FOREIGN_KEYS = "PRAGMA foreign_keys = ON"


def plpgsql(name: str, returns: str, body: str, declares: str = "") -> str:
    """What makes a function."""
    return f"CREATE FUNCTION {name}() RETURNS {returns} LANGUAGE plpgsql AS $$ {declares} BEGIN {body} END $$"


SQLITE = {
    "set null multi-step": Case(
        [
            FOREIGN_KEYS,
            "CREATE TABLE a(id INTEGER PRIMARY KEY, v INT)",
            "CREATE TABLE b(id INTEGER PRIMARY KEY, a INT UNIQUE REFERENCES a(id) ON DELETE CASCADE ON UPDATE CASCADE)",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, b INT REFERENCES b(a) ON UPDATE CASCADE ON DELETE SET NULL)",
            "INSERT INTO a VALUES(1,1)",
            "INSERT INTO b VALUES(1,1)",
            "INSERT INTO c VALUES (1,1)",
        ],
        ["SELECT * FROM c WHERE id=1", "SELECT * FROM b", "SELECT COUNT(*) FROM c WHERE b is NULL"],
        ["DELETE FROM a WHERE id=1"],
    ),
    "update cascade chain": Case(
        [
            FOREIGN_KEYS,
            "CREATE TABLE a(id INTEGER PRIMARY KEY, k INT UNIQUE)",
            "CREATE TABLE b(id INTEGER PRIMARY KEY, a INT UNIQUE REFERENCES a(k) ON UPDATE CASCADE)",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, b INT REFERENCES b(a) ON UPDATE CASCADE)",
            "INSERT INTO a VALUES(1,1)",
            "INSERT INTO b VALUES(1,1)",
            "INSERT INTO c VALUES (1,1)",
        ],
        ["SELECT * FROM c WHERE id=1", "SELECT * FROM b"],
        ["UPDATE a SET k = 7 WHERE id=1"],
    ),
    "implied pk reference": Case(
        [
            FOREIGN_KEYS,
            "CREATE TABLE a(id INTEGER PRIMARY KEY, k INT UNIQUE)",
            "CREATE TABLE b(id INTEGER PRIMARY KEY, a INT REFERENCES a ON DELETE CASCADE)",
            "INSERT INTO a VALUES(1,1)",
            "INSERT INTO b VALUES(1,1)",
        ],
        ["SELECT * FROM b WHERE id=1"],
        ["DELETE FROM a WHERE id=1"],
    ),
    "circle": Case(
        [
            FOREIGN_KEYS,
            "CREATE TABLE a(id INTEGER PRIMARY KEY, b INT REFERENCES b(id) ON DELETE CASCADE)",
            "CREATE TABLE b(id INTEGER PRIMARY KEY, a INT REFERENCES a(id) ON DELETE CASCADE)",
            "INSERT INTO a VALUES(1,NULL)",
            "INSERT INTO b VALUES(1,1)",
            "INSERT INTO a VALUES (2,1)",
            "INSERT INTO b VALUES (2,2)",
        ],
        ["SELECT * FROM a WHERE id=2", "SELECT COUNT(*) FROM b"],
        ["DELETE FROM a WHERE id=1"],
    ),
    "trigger audit": Case(
        [
            "CREATE TABLE a(id INTEGER PRIMARY KEY, v INT)",
            "CREATE TABLE log(n INT)",
            "CREATE TRIGGER tg AFTER UPDATE ON a BEGIN INSERT INTO log VALUES (new.v); END",
            "INSERT INTO a VALUES (1,1)",
        ],
        ["SELECT COUNT(*) FROM log", "SELECT * FROM a WHERE id=1"],
        ["UPDATE a SET v=5 WHERE id=1"],
    ),
    "trigger chain with quoted names": Case(
        [
            'CREATE TABLE "My T"(id INTEGER PRIMARY KEY, v INT); '
            'CREATE TABLE "Log Two"(n INT); '
            "CREATE TABLE three(n INT)",
            'CREATE TRIGGER "t 1" AFTER INSERT ON "My T" BEGIN INSERT INTO "Log Two" VALUES (new.v); END; '
            'CREATE TRIGGER t2 AFTER INSERT ON "Log Two" BEGIN UPDATE three SET n = n + 1; END; '
            "INSERT INTO three VALUES (0)",
        ],
        ["SELECT n FROM three", 'SELECT COUNT(*) FROM "Log Two"'],
        ['INSERT INTO "My T" VALUES (1,1)'],
    ),
    "instead of trigger": Case(
        [
            "CREATE TABLE a(id INTEGER PRIMARY KEY, v INT)",
            "CREATE VIEW w AS SELECT id, v FROM a",
            "CREATE TRIGGER tg INSTEAD OF UPDATE ON w BEGIN UPDATE a SET v = new.v WHERE id = old.id; END",
            "INSERT INTO a VALUES (1,1)",
        ],
        ["SELECT * FROM a WHERE id=1", "SELECT * FROM w"],
        ["UPDATE w SET v=5 WHERE id=1"],
    ),
    "view on view": Case(
        [
            "CREATE TABLE a(id INTEGER PRIMARY KEY, v INT)",
            "CREATE TABLE b(x INT)",
            "CREATE VIEW w AS SELECT id, v FROM a",
            "CREATE VIEW w2 AS WITH q AS (SELECT * FROM w) SELECT q.*, (SELECT COUNT(*) FROM b) FROM q",
            "INSERT INTO a VALUES (1,1)",
        ],
        ["SELECT * FROM w2", "SELECT COUNT(*) FROM w2"],
        ["INSERT INTO b VALUES (1)"],
    ),
    "conflict replace update": Case(
        [
            "CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT UNIQUE ON CONFLICT REPLACE)",
            "INSERT INTO t VALUES (1,'a'),(2,'b')",
        ],
        ["SELECT * FROM t WHERE id=1"],
        ["UPDATE t SET u='a' WHERE id=2"],
    ),
    "insert or replace with cascade": Case(
        [
            FOREIGN_KEYS,
            "CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT UNIQUE)",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, t INT REFERENCES t(id) ON DELETE CASCADE)",
            "INSERT INTO t VALUES (1,'a')",
            "INSERT INTO c VALUES (1,1)",
        ],
        ["SELECT * FROM c WHERE id=1"],
        ["INSERT OR REPLACE INTO t VALUES (2,'a')"],
    ),
    "replace into": Case(
        [
            "CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT UNIQUE); INSERT INTO t VALUES (1,'a')",
        ],
        ["SELECT * FROM t WHERE id=1"],
        ["REPLACE INTO t VALUES (2,'a')"],
    ),
    "update or replace": Case(
        [
            "CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT UNIQUE); INSERT INTO t VALUES (1,'a'),(2,'b')",
        ],
        ["SELECT * FROM t WHERE id=1", "SELECT COUNT(*) FROM t"],
        ["UPDATE OR REPLACE t SET u='a' WHERE id=2"],
    ),
    "fts": Case(
        [
            "CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('hello')",
        ],
        ["SELECT COUNT(*) FROM f WHERE f match 'hello'", "SELECT COUNT(*) FROM f_content"],
        ["INSERT INTO f VALUES ('hello world')"],
    ),
    "fts external": Case(
        [
            "CREATE TABLE d(id INTEGER PRIMARY KEY, x TEXT)",
            "CREATE VIRTUAL TABLE f USING fts5(x, content='d', content_rowid='id')",
            "INSERT INTO d VALUES (1,'abc')",
            "INSERT INTO f(rowid,x) VALUES (1,'abc')",
        ],
        ["SELECT x FROM f WHERE f match 'abc'"],
        ["UPDATE d SET x='changed' WHERE id=1"],
    ),
    "rename table": Case(
        [
            "CREATE TABLE a(id INTEGER PRIMARY KEY, v INT)",
            "CREATE TABLE b(id INTEGER PRIMARY KEY, v INT)",
            "INSERT INTO a VALUES (1,1)",
            "INSERT INTO b VALUES (1,2)",
        ],
        ["SELECT v FROM a", "SELECT v FROM b WHERE id=1"],
        ["ALTER TABLE a RENAME TO old_a", "ALTER TABLE b RENAME TO a", "ALTER TABLE old_a RENAME TO b"],
    ),
    "rename quoted": Case(
        [
            'CREATE TABLE "A b"(id INTEGER PRIMARY KEY, v INT); '
            'CREATE TABLE "C d"(id INTEGER PRIMARY KEY, v INT); '
            'INSERT INTO "A b" VALUES (1,1); '
            'INSERT INTO "C d" VALUES (1,2)',
        ],
        ['SELECT v FROM "A b"', 'SELECT v FROM "C d"'],
        [
            'ALTER TABLE "A b" RENAME TO "tmp X"',
            'ALTER TABLE "C d" RENAME TO "A b"',
            'ALTER TABLE "tmp X" RENAME TO "C d"',
        ],
    ),
    "drop view recreate": Case(
        [
            "CREATE TABLE a(v INT)",
            "CREATE TABLE b(v INT)",
            "INSERT INTO a VALUES (1)",
            "INSERT INTO b VALUES (2)",
            "CREATE VIEW w AS SELECT v FROM a",
        ],
        ["SELECT v FROM w"],
        ["DROP VIEW w", "CREATE VIEW w AS SELECT v FROM b"],
    ),
    "drop view recreate then write": Case(
        [
            "CREATE TABLE a(v INT)",
            "CREATE TABLE b(v INT)",
            "INSERT INTO a VALUES (1)",
            "INSERT INTO b VALUES (2)",
            "CREATE VIEW w AS SELECT v FROM a",
        ],
        ["SELECT v FROM w"],
        ["DROP VIEW w", "CREATE VIEW w AS SELECT v FROM b", COMMIT, "UPDATE b SET v=9"],
    ),
    "add column default": Case(
        [
            "CREATE TABLE a(id INTEGER PRIMARY KEY); INSERT INTO a VALUES (1)",
        ],
        ["SELECT * FROM a", "SELECT * FROM a WHERE id=1"],
        ["ALTER TABLE a ADD COLUMN n INT DEFAULT 7"],
    ),
    "with insert": Case(
        [
            "CREATE TABLE a(v INT); INSERT INTO a VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM a"],
        ["WITH x AS (SELECT 5 AS v) INSERT INTO a SELECT v FROM x"],
    ),
    "with insert comment": Case(
        [
            "CREATE TABLE a(v INT); INSERT INTO a VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM a"],
        ["/* c */ INSERT INTO a VALUES (3)"],
    ),
    "string table": Case(
        [
            "CREATE TABLE a(v INT); INSERT INTO a VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM 'a'", "SELECT COUNT(*) FROM [a]", "SELECT COUNT(*) FROM `a`"],
        ["DELETE FROM 'a'"],
    ),
    "string table 2": Case(
        [
            "CREATE TABLE a(v INT); INSERT INTO a VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM a"],
        ["INSERT INTO 'a' VALUES (4)", "UPDATE [a] SET v = 3"],
    ),
    "attached": Case(
        [
            "ATTACH ':memory:' AS aux; CREATE TABLE aux.t(v INT); INSERT INTO aux.t VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM t", "SELECT COUNT(*) FROM aux.t"],
        ["INSERT INTO t VALUES (2)"],
    ),
    "attached 2": Case(
        [
            "ATTACH ':memory:' AS aux; CREATE TABLE aux.t(v INT); INSERT INTO aux.t VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM t"],
        ["INSERT INTO aux.t VALUES (2)"],
    ),
    "temp view": Case(
        [
            "CREATE TABLE a(v INT); CREATE TEMP VIEW tv AS SELECT COUNT(*) AS n FROM a",
        ],
        ["SELECT n FROM tv"],
        ["INSERT INTO a VALUES (2)"],
    ),
    "default trigger update of same table": Case(
        [
            "CREATE TABLE a(id INTEGER PRIMARY KEY, v INT)",
            "INSERT INTO a VALUES (1,1),(2,1)",
            "CREATE TRIGGER tg AFTER UPDATE OF v ON a WHEN new.id=1 BEGIN UPDATE a SET v = 9 WHERE id = 2; END",
        ],
        ["SELECT v FROM a WHERE id=2"],
        ["UPDATE a SET v=3 WHERE id=1"],
    ),
    "upsert": Case(
        [
            "CREATE TABLE a(id INTEGER PRIMARY KEY, v INT)",
            "CREATE TABLE log(n INT)",
            "CREATE TRIGGER tg AFTER UPDATE ON a BEGIN INSERT INTO log VALUES (1); END",
            "INSERT INTO a VALUES (1,1)",
        ],
        ["SELECT COUNT(*) FROM log", "SELECT v FROM a WHERE id=1"],
        ["INSERT INTO a VALUES (1,5) ON CONFLICT(id) DO UPDATE SET v=excluded.v"],
    ),
    "without rowid strict": Case(
        [
            "CREATE TABLE a(id INTEGER PRIMARY KEY, v INT) strict; CREATE TABLE w(id TEXT PRIMARY KEY) without rowid",
        ],
        ["SELECT COUNT(*) FROM w"],
        ["INSERT INTO w VALUES ('x')"],
    ),
    "view deleted through cascade": Case(
        [
            FOREIGN_KEYS,
            "CREATE TABLE p(id INTEGER PRIMARY KEY)",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, p INT REFERENCES p(id) ON DELETE CASCADE)",
            "CREATE VIEW w AS SELECT COUNT(*) n FROM c",
            "INSERT INTO p VALUES (1)",
            "INSERT INTO c VALUES (1,1)",
        ],
        ["SELECT n FROM w"],
        ["DELETE FROM p WHERE id = 1"],
    ),
    "truncate by delete trigger on replace": Case(
        [
            "PRAGMA recursive_triggers=ON",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT UNIQUE)",
            "CREATE TABLE log(n INT)",
            "CREATE TRIGGER tg AFTER DELETE ON t BEGIN INSERT INTO log VALUES (old.id); END",
            "INSERT INTO t VALUES (1,'a')",
        ],
        ["SELECT COUNT(*) FROM log"],
        ["REPLACE INTO t VALUES (2,'a')"],
    ),
    "create table after error": Case(
        [
            "CREATE TABLE z(v INT)",
        ],
        ["SELECT COUNT(*) FROM missing"],
        ["CREATE TABLE missing(v INT)", "INSERT INTO missing VALUES (1)"],
    ),
    "drop table cascade": Case(
        [
            FOREIGN_KEYS,
            "CREATE TABLE p(id INTEGER PRIMARY KEY)",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, p INT REFERENCES p(id) ON DELETE CASCADE)",
            "INSERT INTO p VALUES (1)",
            "INSERT INTO c VALUES (1,1)",
        ],
        ["SELECT COUNT(*) FROM c"],
        ["DROP TABLE p"],
    ),
    "generated": Case(
        [
            "CREATE TABLE a(id INTEGER PRIMARY KEY, v INT, d INT generated always AS (v*2))",
            "INSERT INTO a(id,v) VALUES (1,1)",
        ],
        ["SELECT d FROM a WHERE id=1"],
        ["UPDATE a SET v=4"],
    ),
    "schema main": Case(
        [
            "CREATE TABLE a(v INT)",
        ],
        ["SELECT COUNT(*) FROM main.a", "SELECT COUNT(*) FROM a"],
        ["INSERT INTO main.a VALUES (1)"],
    ),
    "case": Case(
        [
            "CREATE TABLE Abc(v INT)",
        ],
        ["SELECT COUNT(*) FROM ABC"],
        ["INSERT INTO aBc VALUES (1)"],
    ),
}
POSTGRESQL = {
    "procedure that calls another": Case(
        [
            "CREATE TABLE a(v INT)",
            "CREATE PROCEDURE fill(x INT) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO a VALUES (x); END $$",
            plpgsql("one", "int", "CALL fill(1); RETURN 1;"),
        ],
        ["SELECT count(*) FROM a"],
        ["SELECT one()"],
    ),
    "aggregate of its own": Case(
        [
            "CREATE TABLE a(v INT)",
            "CREATE TABLE b(w INT)",
            "INSERT INTO a VALUES (1)",
            "CREATE FUNCTION step(s INT, v INT) RETURNS INT LANGUAGE sql AS 'SELECT s + (SELECT count(*)::int FROM b)'",
            "CREATE AGGREGATE counted(INT) (SFUNC = step, STYPE = INT, INITCOND = '0')",
        ],
        ["SELECT counted(v) FROM a"],
        ["INSERT INTO b VALUES (1)"],
    ),
    "operator of its own": Case(
        [
            "CREATE TABLE b(w INT)",
            "CREATE FUNCTION plus(s INT, v INT) RETURNS INT LANGUAGE sql AS 'SELECT s + (SELECT count(*)::int FROM b)'",
            "CREATE OPERATOR ## (LEFTARG = INT, RIGHTARG = INT, FUNCTION = plus)",
        ],
        ["SELECT 1 ## 2"],
        ["INSERT INTO b VALUES (1)"],
    ),
    "cast of its own": Case(
        [
            "CREATE TABLE b(w INT)",
            "CREATE TYPE pair AS (x INT, y INT)",
            "CREATE FUNCTION flat(p pair) RETURNS INT LANGUAGE sql AS 'SELECT count(*)::int FROM b'",
            "CREATE CAST (pair AS INT) WITH FUNCTION flat(pair)",
        ],
        ["SELECT (1, 2)::pair::int"],
        ["INSERT INTO b VALUES (1)"],
    ),
    "matview": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY, v INT)",
            "INSERT INTO a VALUES (1,1)",
            "CREATE MATERIALIZED VIEW m AS SELECT SUM(v) s FROM a",
        ],
        ["SELECT s FROM m"],
        ["UPDATE a SET v=5", "REFRESH MATERIALIZED VIEW m"],
    ),
    "matview over view": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY, v INT)",
            "INSERT INTO a VALUES (1,1)",
            "CREATE VIEW w AS SELECT * FROM a",
            "CREATE MATERIALIZED VIEW m AS SELECT SUM(v) s FROM w",
            "CREATE VIEW w3 AS SELECT s FROM m",
        ],
        ["SELECT s FROM w3"],
        ["UPDATE a SET v=5", "REFRESH MATERIALIZED VIEW m"],
    ),
    "view": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY, v INT)",
            "INSERT INTO a VALUES (1,1)",
            "CREATE VIEW w AS SELECT * FROM a",
            "CREATE VIEW w2 AS SELECT w.id FROM w",
        ],
        ["SELECT COUNT(*) FROM w2"],
        ["INSERT INTO a VALUES (2,2)"],
    ),
    "view replaced": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY, v INT)",
            "CREATE TABLE b(id INT, v INT)",
            "INSERT INTO a VALUES (1,1)",
            "CREATE VIEW w AS SELECT id FROM a",
        ],
        ["SELECT COUNT(*) FROM w"],
        ["CREATE OR REPLACE VIEW w AS SELECT id FROM b", COMMIT, "INSERT INTO b VALUES (1,1), (2,2)"],
    ),
    "updatable view cascade": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY, v INT)",
            "CREATE TABLE c(id INT PRIMARY KEY, a INT REFERENCES a(id) ON DELETE CASCADE)",
            "INSERT INTO a VALUES (1,1)",
            "INSERT INTO c VALUES (1,1)",
            "CREATE VIEW w AS SELECT * FROM a",
        ],
        ["SELECT COUNT(*) FROM c", "SELECT * FROM a WHERE id=1"],
        ["DELETE FROM w WHERE id=1"],
    ),
    "view with function": Case(
        [
            "CREATE TABLE a(v INT)",
            "CREATE FUNCTION tot() RETURNS bigint LANGUAGE sql AS 'select count(*) from a'",
            "CREATE VIEW w AS SELECT tot() AS n",
        ],
        ["SELECT n FROM w"],
        ["INSERT INTO a VALUES (1)"],
    ),
    "function plpgsql": Case(
        [
            "CREATE TABLE a(v INT)",
            plpgsql("tot", "bigint", "SELECT COUNT(*) INTO n FROM a; RETURN n;", "DECLARE n bigint;"),
        ],
        ["SELECT tot()", "SELECT * FROM tot()"],
        ["INSERT INTO a VALUES (1)"],
    ),
    "function atomic": Case(
        [
            "CREATE TABLE a(v INT)",
            "CREATE FUNCTION tot() RETURNS bigint LANGUAGE sql BEGIN atomic SELECT COUNT(*) FROM a; END",
        ],
        ["SELECT tot()"],
        ["INSERT INTO a VALUES (1)"],
    ),
    "nested function": Case(
        [
            "CREATE TABLE a(v INT)",
            "CREATE FUNCTION t1() RETURNS bigint LANGUAGE sql AS 'select count(*) from a'",
            plpgsql("t2", "bigint", "RETURN t1() + 1;"),
        ],
        ["SELECT t2()"],
        ["INSERT INTO a VALUES (1)"],
    ),
    "writing function": Case(
        [
            "CREATE TABLE a(v INT)",
            plpgsql("w", "int", "INSERT INTO a VALUES (1); RETURN 1;"),
        ],
        ["SELECT COUNT(*) FROM a"],
        ["SELECT w()"],
    ),
    "writing function nested": Case(
        [
            "CREATE TABLE a(v INT)",
            plpgsql("w", "int", "INSERT INTO a VALUES (1); RETURN 1;"),
            "CREATE FUNCTION w2() RETURNS INT LANGUAGE sql AS 'select w()'",
        ],
        ["SELECT COUNT(*) FROM a"],
        ["SELECT w2()"],
    ),
    "dynamic function": Case(
        [
            "CREATE TABLE a(v INT)",
            plpgsql("w", "int", "EXECUTE 'insert into a values (1)'; RETURN 1;"),
        ],
        ["SELECT COUNT(*) FROM a"],
        ["SELECT w()"],
    ),
    "dynamic reading function": Case(
        [
            "CREATE TABLE a(v INT)",
            plpgsql("r", "bigint", "EXECUTE 'select count(*) from a' INTO n; RETURN n;", "DECLARE n bigint;"),
        ],
        ["SELECT r()"],
        ["INSERT INTO a VALUES (1)"],
    ),
    "procedure": Case(
        [
            "CREATE TABLE a(v INT)",
            "CREATE PROCEDURE p(x INT) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO a VALUES (x); END $$",
        ],
        ["SELECT COUNT(*) FROM a"],
        ["CALL p(4)"],
    ),
    "do": Case(
        [
            "CREATE TABLE a(v INT)",
        ],
        ["SELECT COUNT(*) FROM a"],
        ["DO $$ BEGIN INSERT INTO a VALUES (1); END $$"],
    ),
    "do dynamic": Case(
        [
            "CREATE TABLE a(v INT)",
        ],
        ["SELECT COUNT(*) FROM a"],
        ["DO $$ BEGIN EXECUTE 'insert into a values (1)'; END $$"],
    ),
    "trigger": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY, v INT)",
            "CREATE TABLE log(n INT)",
            "INSERT INTO a VALUES (1,1)",
            plpgsql("f", "trigger", "INSERT INTO log VALUES (new.v); RETURN new;"),
            "CREATE TRIGGER tg AFTER UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f()",
        ],
        ["SELECT COUNT(*) FROM log"],
        ["UPDATE a SET v=3 WHERE id=1"],
    ),
    "trigger dynamic": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY, v INT)",
            "CREATE TABLE log(n INT)",
            "INSERT INTO a VALUES (1,1)",
            plpgsql("f", "trigger", "EXECUTE format('insert into %I values (1)', 'log'); RETURN new;"),
            "CREATE TRIGGER tg AFTER UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f()",
        ],
        ["SELECT COUNT(*) FROM log"],
        ["UPDATE a SET v=3 WHERE id=1"],
    ),
    "trigger changes key": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY, v INT)",
            "INSERT INTO a VALUES (1,1),(2,2)",
            plpgsql("f", "trigger", "new.id := old.id + 10; RETURN new;"),
            "CREATE TRIGGER tg BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f()",
        ],
        ["SELECT COUNT(*) FROM a WHERE id=11"],
        ["UPDATE a SET v=3 WHERE id=1"],
    ),
    "rule also": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY, v INT)",
            "CREATE TABLE log(n INT)",
            "CREATE RULE r AS ON INSERT TO a DO ALSO INSERT INTO log VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM log"],
        ["INSERT INTO a VALUES (1,1)"],
    ),
    "rule instead": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY, v INT)",
            "CREATE VIEW w AS SELECT * FROM a",
            "CREATE RULE r AS ON INSERT TO w DO INSTEAD INSERT INTO a VALUES (new.id,new.v)",
        ],
        ["SELECT COUNT(*) FROM a"],
        ["INSERT INTO w VALUES (1,1)"],
    ),
    "inherits child write": Case(
        [
            "CREATE TABLE p(id INT, v INT); CREATE TABLE c() INHERITS (p)",
        ],
        ["SELECT COUNT(*) FROM p"],
        ["INSERT INTO c VALUES (1,1)"],
    ),
    "inherits parent write": Case(
        [
            "CREATE TABLE p(id INT, v INT); CREATE TABLE c() INHERITS (p); INSERT INTO c VALUES (1,1)",
        ],
        ["SELECT v FROM c"],
        ["UPDATE p SET v=7"],
    ),
    "partition": Case(
        [
            "CREATE TABLE p(id INT PRIMARY KEY, v INT) PARTITION BY RANGE(id)",
            "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
            "INSERT INTO p VALUES (1,1)",
        ],
        ["SELECT v FROM p1 WHERE id=1", "SELECT COUNT(*) FROM p1"],
        ["UPDATE p SET v=5 WHERE id=1"],
    ),
    "partition 2": Case(
        [
            "CREATE TABLE p(id INT PRIMARY KEY, v INT) PARTITION BY RANGE(id)",
            "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
            "INSERT INTO p VALUES (1,1)",
        ],
        ["SELECT v FROM p WHERE id=1", "SELECT COUNT(*) FROM p"],
        ["DELETE FROM p1 WHERE id=1"],
    ),
    "attach": Case(
        [
            "CREATE TABLE p(id INT PRIMARY KEY, v INT) PARTITION BY RANGE(id)",
            "CREATE TABLE p1(id INT PRIMARY KEY, v INT)",
            "INSERT INTO p1 VALUES (1,1)",
        ],
        ["SELECT COUNT(*) FROM p"],
        ["ALTER TABLE p ATTACH partition p1 FOR VALUES FROM (0) TO (10)"],
    ),
    "detach then": Case(
        [
            "CREATE TABLE p(id INT PRIMARY KEY, v INT) PARTITION BY RANGE(id)",
            "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
            "INSERT INTO p VALUES (1,1)",
        ],
        ["SELECT COUNT(*) FROM p", "SELECT COUNT(*) FROM p1"],
        ["ALTER TABLE p DETACH partition p1", COMMIT, "DELETE FROM p1"],
    ),
    "partition fk": Case(
        [
            "CREATE TABLE p(id INT PRIMARY KEY, v INT) PARTITION BY RANGE(id)",
            "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
            "INSERT INTO p VALUES (1,1)",
            "CREATE TABLE c(id INT PRIMARY KEY, p INT REFERENCES p(id) ON DELETE CASCADE)",
            "INSERT INTO c VALUES (1,1)",
        ],
        ["SELECT COUNT(*) FROM c", "SELECT * FROM c WHERE id=1"],
        ["DELETE FROM p1 WHERE id=1"],
    ),
    "child partition fk": Case(
        [
            "CREATE TABLE q(id INT PRIMARY KEY)",
            "CREATE TABLE p(id INT PRIMARY KEY, q INT REFERENCES q(id) ON DELETE CASCADE) PARTITION BY RANGE(id)",
            "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
            "INSERT INTO q VALUES (1)",
            "INSERT INTO p VALUES (1,1)",
        ],
        ["SELECT COUNT(*) FROM p1", "SELECT * FROM p WHERE id=1"],
        ["DELETE FROM q WHERE id=1"],
    ),
    "inherit fk": Case(
        [
            "CREATE TABLE p(id INT, v INT)",
            "CREATE TABLE c(PRIMARY KEY (id)) INHERITS (p)",
            "CREATE TABLE x(id INT PRIMARY KEY, c INT REFERENCES c(id) ON DELETE CASCADE)",
            "INSERT INTO c VALUES (1,1)",
            "INSERT INTO x VALUES (1,1)",
        ],
        ["SELECT COUNT(*) FROM x"],
        ["DELETE FROM p WHERE id=1"],
    ),
    "truncate cascade": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY)",
            "CREATE TABLE c(id INT PRIMARY KEY, a INT REFERENCES a(id))",
            "INSERT INTO a VALUES (1)",
            "INSERT INTO c VALUES (1,1)",
        ],
        ["SELECT COUNT(*) FROM c"],
        ["TRUNCATE a CASCADE"],
    ),
    "truncate only parent inherit": Case(
        [
            "CREATE TABLE p(id INT); CREATE TABLE c() INHERITS(p); INSERT INTO c VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM c"],
        ["TRUNCATE p"],
    ),
    "truncate trigger": Case(
        [
            "CREATE TABLE a(id INT)",
            "CREATE TABLE log(n INT)",
            plpgsql("f", "trigger", "INSERT INTO log VALUES (1); RETURN NULL;"),
            "CREATE TRIGGER tg BEFORE TRUNCATE ON a EXECUTE FUNCTION f()",
        ],
        ["SELECT COUNT(*) FROM log"],
        ["TRUNCATE a"],
    ),
    "set null columns": Case(
        [
            "CREATE TABLE a(x INT, y INT, PRIMARY KEY(x,y))",
            "CREATE TABLE c(id INT PRIMARY KEY, x INT, y INT, foreign key (x,y) REFERENCES a ON DELETE SET NULL (y))",
            "INSERT INTO a VALUES (1,1)",
            "INSERT INTO c VALUES (1,1,1)",
        ],
        ["SELECT y FROM c WHERE id=1"],
        ["DELETE FROM a WHERE x=1 AND y=1"],
    ),
    "unique ref update": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY, k INT UNIQUE)",
            "CREATE TABLE c(id INT PRIMARY KEY, k INT REFERENCES a(k) ON UPDATE CASCADE)",
            "INSERT INTO a VALUES (1,1)",
            "INSERT INTO c VALUES (1,1)",
        ],
        ["SELECT k FROM c WHERE id=1"],
        ["UPDATE a SET k=5 WHERE id=1"],
    ),
    "self set null": Case(
        [
            "CREATE TABLE n(id INT PRIMARY KEY, up INT REFERENCES n(id) ON DELETE SET NULL)",
            "INSERT INTO n VALUES (1,NULL),(2,1)",
        ],
        ["SELECT up FROM n WHERE id=2"],
        ["DELETE FROM n WHERE id=1"],
    ),
    "deferred": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY)",
            "CREATE TABLE c(id INT PRIMARY KEY, a INT REFERENCES a ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)",
            "INSERT INTO a VALUES (1)",
            "INSERT INTO c VALUES (1,1)",
        ],
        ["SELECT COUNT(*) FROM c"],
        ["DELETE FROM a"],
    ),
    "schema drop": Case(
        [
            "CREATE SCHEMA s",
            "CREATE TABLE s.t(v INT)",
            "INSERT INTO s.t VALUES (1)",
            "CREATE VIEW w AS SELECT COUNT(*) n FROM s.t",
        ],
        ["SELECT n FROM w", "SELECT COUNT(*) FROM s.t"],
        ["DROP SCHEMA s CASCADE"],
    ),
    "schema rename": Case(
        [
            "CREATE SCHEMA s",
            "CREATE SCHEMA s2",
            "CREATE TABLE s.t(v INT)",
            "CREATE TABLE s2.t(v INT)",
            "INSERT INTO s.t VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM s.t", "SELECT COUNT(*) FROM s2.t"],
        ["ALTER SCHEMA s RENAME TO s3", "ALTER SCHEMA s2 RENAME TO s"],
    ),
    "set schema": Case(
        [
            "CREATE SCHEMA s; CREATE TABLE t(v INT); CREATE TABLE s.u(v INT); INSERT INTO t VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM s.t", "SELECT COUNT(*) FROM t"],
        ["ALTER TABLE t SET SCHEMA s"],
    ),
    "enum rename": Case(
        [
            "CREATE TYPE e AS ENUM ('a','b'); CREATE TABLE t(v e); INSERT INTO t VALUES ('a')",
        ],
        ["SELECT v::TEXT FROM t"],
        ["ALTER TYPE e RENAME value 'a' TO 'z'"],
    ),
    "drop type cascade": Case(
        [
            "CREATE TYPE e AS ENUM ('a','b'); CREATE TABLE t(id INT, v e); INSERT INTO t VALUES (1,'a')",
        ],
        ["SELECT * FROM t"],
        ["DROP TYPE e CASCADE"],
    ),
    "alter view rename": Case(
        [
            "CREATE TABLE a(v INT)",
            "CREATE TABLE b(v INT)",
            "INSERT INTO a VALUES (1)",
            "CREATE VIEW w AS SELECT COUNT(*) n FROM a",
            "CREATE VIEW x AS SELECT COUNT(*) n FROM b",
        ],
        ["SELECT n FROM w", "SELECT n FROM x"],
        ["ALTER VIEW w RENAME TO tmp", "ALTER VIEW x RENAME TO w", "ALTER VIEW tmp RENAME TO x"],
    ),
    "quoted": Case(
        [
            'CREATE SCHEMA "My S"; '
            'CREATE TABLE "My S"."T 1"(id INT PRIMARY KEY, "V" INT); '
            'INSERT INTO "My S"."T 1" VALUES (1,1); '
            'CREATE VIEW "V iew" AS SELECT * FROM "My S"."T 1"',
        ],
        ['SELECT "V" FROM "V iew"', 'SELECT "V" FROM "My S"."T 1" WHERE id=1'],
        ['UPDATE "My S"."T 1" SET "V"=4'],
    ),
    "quoted rename": Case(
        [
            'CREATE TABLE "T 1"(id INT PRIMARY KEY, v INT); '
            'CREATE TABLE "T 2"(id INT PRIMARY KEY, v INT); '
            'INSERT INTO "T 1" VALUES (1,1)',
        ],
        ['SELECT v FROM "T 1"', 'SELECT v FROM "T 2"'],
        ['ALTER TABLE "T 1" RENAME TO "x Y"', 'ALTER TABLE "T 2" RENAME TO "T 1"', 'ALTER TABLE "x Y" RENAME TO "T 2"'],
    ),
    "quoted drop": Case(
        [
            'CREATE TABLE "T,1"(id INT PRIMARY KEY, v INT); CREATE TABLE "a""b"(v INT); INSERT INTO "T,1" VALUES (1,1)',
        ],
        ['SELECT COUNT(*) FROM "T,1"', 'SELECT COUNT(*) FROM "a""b"'],
        ['DROP TABLE IF EXISTS "T,1", "a""b" CASCADE'],
    ),
    "select into": Case(
        [
            "CREATE TABLE a(v INT); INSERT INTO a VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM nn"],
        ["SELECT * INTO nn FROM a"],
    ),
    "cte": Case(
        [
            "CREATE TABLE a(v INT); CREATE TABLE b(v INT); INSERT INTO a VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM a", "SELECT COUNT(*) FROM b"],
        ["WITH d AS (DELETE FROM a RETURNING v) INSERT INTO b SELECT v FROM d"],
    ),
    "merge": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY, v INT); INSERT INTO a VALUES (1,1)",
        ],
        ["SELECT v FROM a WHERE id=1"],
        ["MERGE INTO a USING (VALUES (1,9)) s(i,w) ON a.id=s.i WHEN MATCHED THEN UPDATE SET v = s.w"],
    ),
    "copy in values": Case(
        [
            "CREATE TABLE a(v INT)",
        ],
        ["SELECT COUNT(*) FROM a"],
        ["INSERT INTO a SELECT generate_series(1,3)"],
    ),
    "lock notify etc": Case(
        [
            "CREATE TABLE a(v INT)",
        ],
        ["SELECT COUNT(*) FROM a"],
        [
            "lock TABLE a",
            "notify x",
            "SET LOCAL work_mem='4MB'",
            "comment ON TABLE a is 'x'",
            "INSERT INTO a VALUES (1)",
        ],
    ),
    "savepoint ddl": Case(
        [
            "CREATE TABLE a(v INT); CREATE TABLE b(v INT); CREATE VIEW w AS SELECT COUNT(*) n FROM a",
        ],
        ["SELECT n FROM w"],
        ["CREATE OR REPLACE VIEW w AS SELECT COUNT(*) n FROM b", "INSERT INTO b VALUES (1)"],
    ),
    "default function writes": Case(
        [
            "CREATE TABLE a(v INT)",
            "CREATE TABLE log(n INT)",
            plpgsql("f", "int", "INSERT INTO log VALUES (1); RETURN 5;"),
            "ALTER TABLE a ADD COLUMN d INT DEFAULT f()",
        ],
        ["SELECT COUNT(*) FROM log"],
        ["INSERT INTO a(v) VALUES (1)"],
    ),
    "table-valued columns": Case(
        [
            "CREATE TABLE a(id INT, v INT)",
            "INSERT INTO a VALUES (1,1)",
            "CREATE TABLE b(x INT)",
            "CREATE FUNCTION full_v(a) RETURNS bigint LANGUAGE sql stable AS 'select count(*) from b'",
        ],
        ["SELECT a.full_v FROM a"],
        ["INSERT INTO b VALUES (1)"],
    ),
    "foreign key added": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY)",
            "CREATE TABLE c(id INT PRIMARY KEY, a INT)",
            "INSERT INTO a VALUES (1)",
            "INSERT INTO c VALUES (1,1)",
        ],
        ["SELECT COUNT(*) FROM c"],
        ["ALTER TABLE c ADD foreign key (a) REFERENCES a ON DELETE CASCADE", COMMIT, "DELETE FROM a"],
    ),
    "trigger added": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY)",
            "CREATE TABLE c(n INT)",
            plpgsql("f", "trigger", "INSERT INTO c VALUES (1); RETURN NULL;"),
        ],
        ["SELECT COUNT(*) FROM c"],
        ["CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f()", COMMIT, "INSERT INTO a VALUES (1)"],
    ),
    "function replaced": Case(
        [
            "CREATE TABLE a(id INT)",
            "CREATE TABLE b(id INT)",
            "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'select count(*) from a'",
        ],
        ["SELECT f()"],
        [
            "CREATE OR REPLACE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'select count(*) from b'",
            COMMIT,
            "INSERT INTO b VALUES (1)",
        ],
    ),
    "prepared": Case(
        [
            "CREATE TABLE a(id INT)",
        ],
        ["SELECT COUNT(*) FROM a"],
        ["PREPARE ins AS INSERT INTO a VALUES (1)", "EXECUTE ins"],
    ),
    "cursor": Case(
        [
            "CREATE TABLE a(id INT)",
        ],
        ["SELECT COUNT(*) FROM a"],
        ["DECLARE c cursor for SELECT * FROM a", "fetch 1 FROM c", "close c", "INSERT INTO a VALUES (1)"],
    ),
    "explain analyze": Case(
        [
            "CREATE TABLE a(id INT)",
        ],
        ["SELECT COUNT(*) FROM a"],
        ["EXPLAIN (analyze, costs off) INSERT INTO a VALUES (1)"],
    ),
    "create table as": Case(
        [
            "CREATE TABLE a(id INT); INSERT INTO a VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM nn"],
        ["CREATE TABLE nn AS SELECT * FROM a"],
    ),
    "search path local": Case(
        [
            "CREATE SCHEMA s; CREATE TABLE s.t(v INT); CREATE TABLE t(v INT)",
        ],
        ["SELECT COUNT(*) FROM s.t"],
        ["SET LOCAL SEARCH_PATH = s", "INSERT INTO t VALUES (1)"],
    ),
    "search path set": Case(
        [
            "CREATE SCHEMA s; CREATE TABLE s.t(v INT); CREATE TABLE t(v INT)",
        ],
        ["SELECT COUNT(*) FROM s.t"],
        ["SET SEARCH_PATH = s", "INSERT INTO t VALUES (1)", "SET SEARCH_PATH = public"],
    ),
    "search path func": Case(
        [
            "CREATE SCHEMA s; CREATE TABLE s.t(v INT); CREATE TABLE t(v INT)",
        ],
        ["SELECT COUNT(*) FROM s.t"],
        ["SELECT set_config('search_path','s',true)", "INSERT INTO t VALUES (1)"],
    ),
    "drop owned": Case(
        [
            "CREATE ROLE r1; CREATE TABLE t(v INT); ALTER TABLE t OWNER TO r1; INSERT INTO t VALUES (1)",
        ],
        ["SELECT COUNT(*) FROM t"],
        ["DROP OWNED BY r1", "DROP ROLE r1"],
    ),
    "domain": Case(
        [
            "CREATE DOMAIN d AS INT; CREATE TABLE t(v d); INSERT INTO t VALUES (1)",
        ],
        ["SELECT * FROM t"],
        ["DROP DOMAIN d CASCADE"],
    ),
    "instead of trigger": Case(
        [
            "CREATE TABLE a(id INT, v INT)",
            "CREATE TABLE z(n INT)",
            "CREATE VIEW w AS SELECT id FROM a",
            plpgsql("f", "trigger", "INSERT INTO z VALUES (1); RETURN new;"),
            "CREATE TRIGGER tg INSTEAD OF INSERT ON w FOR EACH ROW EXECUTE FUNCTION f()",
        ],
        ["SELECT COUNT(*) FROM z"],
        ["INSERT INTO w VALUES (1)"],
    ),
    "cascade then trigger": Case(
        [
            "CREATE TABLE a(id INT PRIMARY KEY)",
            "CREATE TABLE c(id INT PRIMARY KEY, a INT REFERENCES a(id) ON DELETE CASCADE)",
            "CREATE TABLE z(n INT)",
            "INSERT INTO a VALUES (1)",
            "INSERT INTO c VALUES (1,1)",
            plpgsql("f", "trigger", "INSERT INTO z VALUES (1); RETURN old;"),
            "CREATE TRIGGER tg AFTER DELETE ON c FOR EACH ROW EXECUTE FUNCTION f()",
        ],
        ["SELECT COUNT(*) FROM z"],
        ["DELETE FROM a WHERE id=1"],
    ),
    "partition move": Case(
        [
            "CREATE TABLE p(id INT, v INT) PARTITION BY RANGE(id)",
            "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
            "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)",
            "CREATE TABLE z(n INT)",
            "INSERT INTO p VALUES (1,1)",
            plpgsql("f", "trigger", "INSERT INTO z VALUES (1); RETURN new;"),
            "CREATE TRIGGER tg AFTER INSERT ON p2 FOR EACH ROW EXECUTE FUNCTION f()",
        ],
        ["SELECT COUNT(*) FROM z", "SELECT COUNT(*) FROM p2"],
        ["UPDATE p SET id=15 WHERE id=1"],
    ),
}


@pytest.mark.parametrize("name", SQLITE)
def test_what_sqlite_does_along_is_invalidated(sqlite: Watched, name: str) -> None:
    sqlite.check(SQLITE[name])


# They lock tables that they do not read.
LOCKING = ("lock notify etc", "prepared")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.unwatched if name in LOCKING else ()) for name in POSTGRESQL]
)
def test_what_postgresql_does_along_is_invalidated(postgres: Watched, name: str) -> None:
    postgres.check(POSTGRESQL[name])
