"""The commands on a database: what they say, and what they say when it cannot be done."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from frescor.cli.main import program


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'test.db'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE member (id integer)")
    engine.dispose()
    return url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, arguments)


def said(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output.strip()


def test_an_outbox_is_made_once_and_shown(url: str) -> None:
    database = ("--database", url)
    assert said("outbox", "create", *database) == "Made frescor_outbox."
    assert said("outbox", "create", *database) == "frescor_outbox is there already."
    assert said("outbox", "status", *database) == "0 rows are kept; 0 wait to be applied."
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO frescor_outbox (id, tags, origin, created_at) VALUES (1, '[]', 'process', 1)"
        )
    engine.dispose()
    assert said("outbox", "status", *database).startswith("1 rows are kept; 1 wait to be applied, the oldest for ")


def test_triggers_are_installed_listed_and_removed(url: str) -> None:
    database = ("--database", url)
    said("outbox", "create", *database)
    assert said("triggers", "status", *database) == "No table has triggers."
    assert said("triggers", "install", *database, "--table", "member") == "Triggers are on: member."
    assert said("triggers", "status", *database) == "Triggers are on: member."
    assert said("triggers", "install", *database, "--slice", "member.id=range(100)") == "Triggers are on: member."
    assert said("triggers", "remove", *database) == "Removed from: member."
    assert said("triggers", "remove", *database) == "There were none."


def test_the_database_may_come_from_the_environment(url: str) -> None:
    result = CliRunner().invoke(program, ["outbox", "create"], env={"DATABASE_URL": url})
    assert result.output == "Made frescor_outbox.\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("triggers", "install", "--table", "member"), "frescor outbox create"),
        (("outbox", "status"), "frescor outbox create"),
        (("triggers", "install"), "frescor outbox create"),
        (("triggers", "install", "--table", "member", "--slice", "member.x"), "is not TABLE.COLUMN=KIND"),
    ],
)
def test_what_is_missing_is_named(url: str, arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments, "--database", url)
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())


def test_a_table_that_is_not_there_is_named_with_those_that_are(url: str) -> None:
    said("outbox", "create", "--database", url)
    result = run("triggers", "install", "--database", url, "--table", "members")
    assert result.exit_code == 2
    assert "There are: frescor_outbox, member." in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("address", "code", "says"),
    [
        ("nonsense", 2, "not the address of a database"),
        ("oracle9i://host/name", 2, "driver is not installed"),
        ("sqlite://", 2, "ends with this command"),
        ("sqlite+aiosqlite:////tmp/x.db", 2, "needs a synchronous driver"),
        ("postgresql+psycopg://ana:s3cret@127.0.0.1:1/name", 1, "does not answer"),
        ("postgresql+psycopg://ana:p@s3cret@127.0.0.1:1/name", 2, "not the address of a database"),
        ("postgresql+psycopg://ana:s3cret", 2, "not the address of a database"),
        ("postgresql+psycopg://ana:x/s3cret@127.0.0.1:1/name", 1, "does not answer"),
        ("postgresql+psycopg://127.0.0.1:1/name?password=s3cret", 1, "does not answer"),
        ("postgresql+psycopg://127.0.0.1:1/name?s3cret=1", 1, "refuses the login"),
        ("postgresql+psycopg://ana:s3cret@host:port/name", 2, "not the address of a database"),
        ("ana:s3cret@127.0.0.1/name", 2, "not the address of a database"),
    ],
)
def test_an_address_that_cannot_be_used_is_an_error_without_its_password(address: str, code: int, says: str) -> None:
    result = run("outbox", "status", "--database", address)
    assert result.exit_code == code
    assert says in " ".join(result.output.split())
    assert "s3cret" not in result.output
