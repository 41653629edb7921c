"""The tokens of SQL text."""

import pytest

from frescor.sqlalchemy._statements.lexer import content_of, statements_of, text_of, tokens_of


def words(sql: str, dialect: str = "postgresql") -> list[str]:
    return [token.text for token in tokens_of(sql, dialect)]


@pytest.mark.parametrize(
    ("sql", "dialect", "found"),
    [
        ("SELECT 'a FROM b' -- FROM c\nFROM d", "postgresql", ["SELECT", "'a FROM b'", "FROM", "d"]),
        ("SELECT /* a /* b */ FROM c */ 1", "postgresql", ["SELECT", "1"]),
        ("SELECT /* a /* b */ c", "sqlite", ["SELECT", "c"]),
        ("SELECT $x$ FROM a $x$", "postgresql", ["SELECT", "$x$ FROM a $x$"]),
        (r"SELECT E'\' FROM a'", "postgresql", ["SELECT", r"E'\' FROM a'"]),
        ('SELECT "a ""b"" c"', "postgresql", ["SELECT", 'a "b" c']),
        ("SELECT [a b], `c d`", "sqlite", ["SELECT", "a b", ",", "c d"]),
        ("SELECT 'never closed FROM a", "postgresql", ["SELECT", "'never closed FROM a"]),
    ],
)
def test_strings_comments_and_quoted_names_are_one_token_or_none(sql: str, dialect: str, found: list[str]) -> None:
    assert words(sql, dialect) == found


def test_quoted_names_are_no_keywords() -> None:
    select, name = tokens_of('select "from"', "postgresql")
    assert (select.keyword, select.is_name) == ("SELECT", True)
    assert (name.keyword, name.is_name) == ("", True)


def test_parameters_are_told_from_casts_and_signs() -> None:
    tokens = tokens_of("a = %(b)s AND c = :d AND e::text = $1", "postgresql")
    assert [token.text for token in tokens if token.sort == "parameter"] == ["%(b)s", ":d", "$1"]


def test_a_semicolon_in_a_routine_or_in_brackets_ends_no_statement() -> None:
    sql = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = 1; DELETE FROM d; END; SELECT 1"
    assert [text_of(one, sql)[:6] for one in statements_of(tokens_of(sql, "sqlite"))] == ["CREATE", "SELECT"]
    assert len(statements_of(tokens_of("SELECT 1;; SELECT 2;", "sqlite"))) == 2


def test_the_content_of_a_string_is_what_stands_between_its_quotes() -> None:
    assert [content_of(one) for one in ("'it''s'", "$$a$$", "$x$a $$ b$x$", "''")] == ["it's", "a", "a $$ b", ""]
