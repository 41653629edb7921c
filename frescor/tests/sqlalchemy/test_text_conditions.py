"""Which columns the conditions of a text bind: those of each place of a table, and nothing that is not certain."""

import pytest

from frescor.sqlalchemy._statements.facts import Bounds, Facts, Field
from frescor.sqlalchemy._statements.text import facts_of_text


def bound(sql: str, dialect: str = "sqlite") -> dict[str, list[dict[str, object]]]:
    """By table, for each of its places: the values of the columns that are bound; a parameter by its name after a
    colon."""
    facts = facts_of_text(sql, dialect)
    found: dict[str, list[dict[str, object]]] = {}
    for place in facts.places:
        found.setdefault(place.table[1], []).append({name: shown(one, facts) for name, one in place.bound})
    return found


def shown(one: Field | Bounds, facts: Facts) -> object:
    if isinstance(one, Bounds):
        low, high = shown(one.low, facts), shown(one.high, facts)
        return f"{'(' if one.low_is_open else '['}{low}, {high}{')' if one.high_is_open else ']'}"
    if one.parameter in facts.lists:
        return [facts.literals.get(name, f":{name}") for name in facts.lists[one.parameter]]
    return facts.literals.get(one.parameter, f":{one.parameter}")


BINDS: dict[str, dict[str, list[dict[str, object]]]] = {
    "SELECT * FROM due WHERE member_id = :x": {"due": [{"member_id": ":x"}]},
    "SELECT * FROM due WHERE member_id = 0x10": {"due": [{"member_id": 16}]},
    "SELECT * FROM due WHERE :x = member_id": {"due": [{"member_id": ":x"}]},
    "SELECT * FROM due WHERE (member_id) = (7)": {"due": [{"member_id": 7}]},
    "SELECT * FROM due WHERE MEMBER_ID = -7": {"due": [{"member_id": -7}]},
    "SELECT * FROM due WHERE member_id = ? AND cents > ?": {"due": [{"member_id": ":0"}]},
    "SELECT * FROM due WHERE cents > ? AND member_id = ?": {"due": [{"member_id": ":1"}]},
    "SELECT * FROM due WHERE kind = 'it''s'": {"due": [{"kind": "it's"}]},
    "SELECT * FROM due WHERE member_id IN (1, :x, 3)": {"due": [{"member_id": [1, ":x", 3]}]},
    "SELECT * FROM due WHERE (paid OR cents) AND ((member_id = 7) AND 1)": {"due": [{"member_id": 7}]},
    "SELECT * FROM due /* WHERE 1 */ WHERE -- no\n member_id = 7": {"due": [{"member_id": 7}]},
    'SELECT * FROM "due" d WHERE d."member_id" = 7': {"due": [{"member_id": 7}]},
    "SELECT * FROM main.due WHERE due.member_id = 7": {"due": [{"member_id": 7}]},
    "SELECT * FROM due WHERE on_day BETWEEN '2025-01-01' AND :end": {"due": [{"on_day": "[2025-01-01, :end]"}]},
    "SELECT * FROM due WHERE n > 3 AND 9 >= n": {"due": [{"n": "(3, 9]"}]},
    "SELECT * FROM due d, member m WHERE m.id = d.member_id AND m.id = 7": {
        "due": [{"member_id": 7}],
        "member": [{"id": 7}],
    },
    "SELECT * FROM due d JOIN member m ON m.id = d.member_id AND m.id = 7": {
        "due": [{"member_id": 7}],
        "member": [{"id": 7}],
    },
    "SELECT * FROM due d LEFT JOIN member m ON m.id = d.member_id WHERE d.member_id = 7": {
        "due": [{"member_id": 7}],
        "member": [{"id": 7}],
    },
    "SELECT * FROM member m RIGHT JOIN due d ON m.id = d.member_id WHERE d.member_id = 7": {
        "due": [{"member_id": 7}],
        "member": [{"id": 7}],
    },
    "SELECT * FROM member LEFT JOIN due d ON d.member_id = 7": {"due": [{"member_id": 7}]},
    "SELECT * FROM member m WHERE m.id = 7 AND NOT EXISTS (SELECT 1 FROM due d WHERE d.member_id = m.id)": {
        "member": [{"id": 7}],
        "due": [{"member_id": 7}],
    },
    "SELECT (SELECT count(*) FROM due WHERE member_id = m.id) FROM member m WHERE m.id = 7": {
        "member": [{"id": 7}],
        "due": [{"member_id": 7}],
    },
    "SELECT * FROM (SELECT * FROM due WHERE member_id = 7) x": {"due": [{"member_id": 7}]},
    "WITH x AS (SELECT * FROM due WHERE member_id = 7) SELECT * FROM x": {"due": [{"member_id": 7}]},
    "SELECT 1 FROM due WHERE member_id = 7 UNION SELECT 2 FROM due WHERE member_id = 8": {
        "due": [{"member_id": 7}, {"member_id": 8}]
    },
    "SELECT count(*) FROM due WHERE member_id = 7 GROUP BY kind HAVING count(*) > 1 ORDER BY 1 LIMIT 3 OFFSET 1": {
        "due": [{"member_id": 7}]
    },
    "SELECT sum(cents) OVER (PARTITION BY kind) FROM due WHERE member_id = 7": {"due": [{"member_id": 7}]},
}
OF_POSTGRESQL: dict[str, dict[str, list[dict[str, object]]]] = {
    "SELECT * FROM due WHERE member_id = %s AND kind LIKE 'a%%'": {"due": [{"member_id": ":0"}]},
    "SELECT * FROM due WHERE member_id = %(x)s::INTEGER": {"due": [{"member_id": ":x"}]},
    "SELECT * FROM due WHERE member_id = $1 AND kind = $2::VARCHAR": {"due": [{"member_id": ":0", "kind": ":1"}]},
    "SELECT * FROM due WHERE member_id = CAST(7 AS bigint)": {"due": [{"member_id": 7}]},
    'SELECT * FROM "Due" AS "D" WHERE "D"."Member Id" = 7': {"Due": [{"Member Id": 7}]},
    "SELECT * FROM Due D WHERE d.Member_ID = 7": {"Due": [{"member_id": 7}]},
    "SELECT DISTINCT ON (kind) * FROM due WHERE member_id = 7": {"due": [{"member_id": 7}]},
}
# Of one of the tables, or of all: nothing, since it is not certain that other rows cannot matter.
BINDS_NOTHING = [
    "SELECT * FROM due",
    "SELECT * FROM due WHERE member_id = 7 OR kind = 1",
    "SELECT * FROM due WHERE NOT member_id = 7",
    "SELECT * FROM due WHERE NOT (member_id = 7 AND kind = 1)",
    "SELECT * FROM due WHERE member_id <> 7",
    "SELECT * FROM due WHERE member_id NOT IN (7)",
    "SELECT * FROM due WHERE member_id NOT BETWEEN 1 AND 2",
    "SELECT * FROM due WHERE n > 3",
    "SELECT * FROM due WHERE member_id IN (SELECT id FROM member WHERE id = 7)",
    "SELECT * FROM due WHERE member_id IN (7, kind)",
    "SELECT * FROM due WHERE member_id = 7 IN (0)",
    "SELECT * FROM due WHERE member_id = 7 IS NULL",
    "SELECT * FROM due WHERE member_id = 7 = 0",
    "SELECT * FROM due WHERE member_id = 7 + cents",
    "SELECT * FROM due WHERE member_id = 7 COLLATE NOCASE",
    "SELECT * FROM due WHERE kind COLLATE NOCASE = 'a'",
    "SELECT * FROM due WHERE lower(kind) = 'a'",
    "SELECT * FROM due WHERE member_id + 0 = 7",
    "SELECT * FROM due WHERE member_id = 7.0",
    "SELECT * FROM due WHERE kind = 'a' || 'b'",
    "SELECT * FROM due WHERE kind = x'61'",
    "SELECT * FROM due WHERE (member_id, kind) = (7, 1)",
    'SELECT * FROM due WHERE kind = "a"',
    "SELECT * FROM due WHERE CASE WHEN member_id = 7 THEN 1 ELSE 0 END",
    "SELECT * FROM due WHERE member_id = 910000000000000",
    "SELECT * FROM due WHERE other.member_id = 7",
    "SELECT member_id = 7 FROM due",
    "SELECT * FROM due ORDER BY member_id = 7",
    "SELECT count(*) FROM due GROUP BY member_id HAVING member_id = 7",
    "SELECT count(*) FILTER (WHERE member_id = 7) FROM due",
    "SELECT * FROM due LEFT JOIN member ON due.member_id = 7",
    "SELECT * FROM member LEFT JOIN due ON kind = 7",
    "SELECT * FROM due FULL JOIN member ON due.member_id = 7 AND member.id = 7",
    "SELECT * FROM due d RIGHT JOIN member m ON m.id = 7",
    "SELECT * FROM (SELECT * FROM due) x WHERE x.member_id = 7",
    "SELECT * FROM due WHERE EXISTS (SELECT 1 WHERE due.member_id = 7)",
    "WITH due AS (SELECT * FROM due WHERE member_id = 7) SELECT * FROM due",
    "WITH x AS (SELECT * FROM due) SELECT * FROM x WHERE member_id = 7",
    "SELECT 1 FROM due WHERE member_id = 7 UNION SELECT 2 FROM due",
    "SELECT * FROM due a, due b WHERE a.member_id = 7",
    "SELECT * FROM due d, due d WHERE d.member_id = 7",
    "SELECT * FROM (due JOIN member ON 1) WHERE due.member_id = 7",
    "EXPLAIN QUERY PLAN SELECT * FROM due WHERE member_id = 7",
    "SELECT * FROM due WHERE member_id = 7; SELECT * FROM due",
    "SELECT * FROM due WHERE member_id = 7; SELECT * FROM due WHERE member_id = 8",
    # The inner `m` is the one within brackets.
    "SELECT * FROM member m WHERE m.id = 7 AND EXISTS "
    "(SELECT 1 FROM due d JOIN (SELECT 8 AS id) m ON 1 WHERE d.member_id = m.id)",
    "SELECT * FROM member m WHERE m.id = 7 AND EXISTS "
    "(SELECT 1 FROM due d LEFT JOIN (other m JOIN more ON 1) ON 1 WHERE d.member_id = m.id)",
]
NOTHING_ON_SQLITE = [
    # Its casts change more values than PostgreSQL's, which refuses them.
    "SELECT * FROM due WHERE member_id = CAST(:x AS INTEGER)",
    "SELECT * FROM due INDEXED BY i WHERE member_id = 7",
    "SELECT * FROM due WHERE member_id IS 7",
]
NOTHING_ON_POSTGRESQL = [
    "SELECT * FROM due WHERE member_id = ANY(:x)",
    "SELECT * FROM due WHERE member_id = ANY('{7}')",
    "SELECT * FROM due WHERE kind = 'abc'::varchar(2)",
    "SELECT * FROM due WHERE kind = 'abc'::char",
    "SELECT * FROM due WHERE kind = E'a\\x62'",
    "SELECT * FROM due WHERE kind = 'a\\b'",
    "SELECT * FROM due WHERE kind = $$a$$",
    "SELECT * FROM due WHERE kind = U&'a'",
    "SELECT * FROM due WHERE member_id::text = '7'",
    "SELECT * FROM due WHERE member_id = 7::numeric",
    "SELECT * FROM due WHERE kind = 7::text",
    "SELECT * FROM due WHERE member_id = '7'::int",
    "SELECT * FROM due WHERE on_day = '1.2.2025'::date",
    "SELECT * FROM due WHERE on_day = '2025-02-30'::date",
    "SELECT * FROM due WHERE on_day BETWEEN SYMMETRIC '2025-02-01' AND '2025-01-01'",
    "SELECT * FROM due TABLESAMPLE SYSTEM (1) WHERE member_id = 7",
    "SELECT * FROM ONLY due WHERE member_id = 7",
    "SELECT * FROM due AS d (member_id, id) WHERE d.member_id = 7",
    "SELECT * FROM due, LATERAL (SELECT 7 AS id) m WHERE m.id = 7",
    "SELECT * FROM due WHERE member_id = 7 FOR UPDATE",
    "EXPLAIN ANALYZE SELECT * FROM due WHERE member_id = 7",
    "SELECT * FROM due WHERE member_id = %s AND ? = 1",
    "SELECT * FROM due WHERE member_id IS NOT DISTINCT FROM 7",
    'SELECT * FROM due "D", due d WHERE d.member_id = 7',
    "WITH gone AS (DELETE FROM other RETURNING id) SELECT * FROM due WHERE member_id = 7",
    "SELECT * INTO other FROM due WHERE member_id = 7",
]


@pytest.mark.parametrize("sql", BINDS)
def test_a_condition_that_holds_for_every_row_binds_its_column(sql: str) -> None:
    assert bound(sql) == BINDS[sql]


@pytest.mark.parametrize("sql", OF_POSTGRESQL)
def test_so_it_does_in_the_words_of_postgresql(sql: str) -> None:
    assert bound(sql, "postgresql") == OF_POSTGRESQL[sql]


@pytest.mark.parametrize("sql", BINDS_NOTHING)
def test_what_is_not_certain_binds_nothing(sql: str) -> None:
    for dialect in ("sqlite", "postgresql"):
        assert "due" not in bound(sql, dialect)
        assert (None, "due") in facts_of_text(sql, dialect).reads


@pytest.mark.parametrize("sql", NOTHING_ON_SQLITE)
def test_nor_does_what_sqlite_alone_has(sql: str) -> None:
    assert "due" not in bound(sql)
    assert (None, "due") in facts_of_text(sql, "sqlite").reads


@pytest.mark.parametrize("sql", NOTHING_ON_POSTGRESQL)
def test_nor_does_what_postgresql_alone_has(sql: str) -> None:
    assert "due" not in bound(sql, "postgresql")
    facts = facts_of_text(sql, "postgresql")
    assert (None, "due") in {*facts.reads, *facts.loose}


def test_other_databases_have_no_slices() -> None:
    assert bound("SELECT * FROM due WHERE member_id = 7", "mysql") == {}


def test_a_long_condition_is_read_to_its_end() -> None:
    conditions = " AND ".join(f"c{number} = {number}" for number in range(300))
    (place,) = bound(f"SELECT * FROM due WHERE {conditions}")["due"]
    assert place["c299"] == 299


WRITES: dict[str, tuple[dict[str, object], dict[str, object], list[str] | None, bool]] = {
    "UPDATE due SET cents = :c WHERE id = 7": ({"cents": ":c"}, {"id": 7}, ["cents"], True),
    "UPDATE due AS d SET cents = cents + 1, n = 3 WHERE d.id = 7": ({"n": 3}, {"id": 7}, ["cents", "n"], True),
    "UPDATE due SET cents = 1": ({"cents": 1}, {}, ["cents"], False),
    "UPDATE due SET cents = 1 WHERE id = 7 RETURNING id": ({"cents": 1}, {"id": 7}, ["cents"], False),
    "UPDATE due SET cents = 1 WHERE id = 7 -- so": ({"cents": 1}, {"id": 7}, ["cents"], False),
    "UPDATE due SET cents = 1 WHERE id = 7;": ({"cents": 1}, {"id": 7}, ["cents"], False),
    "DELETE FROM due WHERE member_id = :x AND id IN (1, 2)": ({}, {"member_id": ":x", "id": [1, 2]}, None, True),
    "INSERT INTO due (id, member_id) VALUES (:i, 7)": ({"id": ":i", "member_id": 7}, {}, None, False),
    "INSERT INTO due (id, n) VALUES (1, 7), (2, :n)": ({"id": [1, 2], "n": [7, ":n"]}, {}, None, False),
    "INSERT INTO due (id, n) VALUES (1, 7), (2, abs(3))": ({"id": [1, 2]}, {}, None, False),
}
# Of these nothing is known but the table.
WRITES_UNKNOWN = [
    "UPDATE due SET cents = 1 FROM member WHERE due.id = 7",
    "UPDATE due SET (cents, n) = (1, 2) WHERE id = 7",
    "UPDATE due SET cents = 1, cents = 2 WHERE id = 7",
    "UPDATE OR REPLACE due SET cents = 1 WHERE id = 7",
    "WITH x AS (SELECT 1) UPDATE due SET cents = 1 WHERE id = 7",
    "DELETE FROM due WHERE id = 7 LIMIT 1",
    "INSERT INTO due VALUES (1, 7)",
    "INSERT INTO due (id) SELECT 1",
    "INSERT INTO due (id, n) VALUES (1, 7), (2)",
    "INSERT INTO due DEFAULT VALUES",
    "INSERT INTO due (id) VALUES (1) ON CONFLICT DO NOTHING",
    "INSERT OR REPLACE INTO due (id) VALUES (1)",
    "REPLACE INTO due (id) VALUES (1)",
    "EXPLAIN UPDATE due SET cents = 1 WHERE id = 7",
]


@pytest.mark.parametrize("sql", WRITES)
def test_a_write_says_what_it_sets_and_where(sql: str) -> None:
    facts = facts_of_text(sql, "sqlite")
    (target,) = facts.writes
    values, where, columns, returns = WRITES[sql]
    assert {name: shown(one, facts) for name, one in (target.values or {}).items()} == values
    assert {name: shown(one, facts) for name, one in target.bound.items()} == where
    assert target.columns == (None if columns is None else frozenset(columns))
    assert target.returns == returns


@pytest.mark.parametrize("sql", WRITES_UNKNOWN)
def test_of_other_writes_only_the_table_is_known(sql: str) -> None:
    facts = facts_of_text(sql, "sqlite")
    assert {target.table for target in facts.writes} == {(None, "due")}
    for target in facts.writes:
        assert (target.values, dict(target.bound), target.columns, target.returns) == (None, {}, None, False)
