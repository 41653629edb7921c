"""`frescor explain`: what a call depends on, by the command line."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from frescor.cli.main import program

SHOP = """
import sqlalchemy as sa
from frescor import Cache
from frescor.sqlalchemy import track

metadata = sa.MetaData()
member = sa.Table("member", metadata, sa.Column("id", sa.Integer, primary_key=True))
due = sa.Table(
    "due", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("member_id", sa.ForeignKey("member.id")),
    sa.Column("cents", sa.Integer),
)
engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
metadata.create_all(engine)
cache = Cache.from_url("memory://", "shop")
tracking = track(engine, cache, outbox=False)
is_set_up = False

class App:
    def app_context(self):
        import contextlib
        @contextlib.contextmanager
        def entered():
            global is_set_up
            is_set_up = True
            yield
        return entered()

class Queries:
    @staticmethod
    @cache.cached(expire=300, key_prefix="dues")
    def dues_of(member_id: int, least: int = 0) -> int:
        with engine.connect() as connection:
            found = sa.select(due.c.id).where(due.c.member_id == member_id)
            return len(connection.execute(found).all())

@cache.cached(expire=300, key_prefix="all")
def over(cents: int) -> int:
    with engine.connect() as connection:
        return len(connection.execute(sa.select(due.c.id).where(due.c.member_id > cents)).all())

@cache.cached(expire=300, key_prefix="soon")
async def soon(member_id: int) -> int:
    return Queries.dues_of.uncached(member_id)

def needs() -> bool:
    assert is_set_up
    return True

def name(of: str) -> str:
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT * FROM pg_tables"))
    return of

def typed(a: object, b: object) -> None:
    assert (a, b) == ("2025-01", [1, None])
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = f"shop_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    importlib.invalidate_caches()
    yield name
    if (module := sys.modules.pop(name, None)) is not None:
        module.tracking.close()
        module.engine.dispose()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, ["explain", *arguments])


def test_it_says_which_slices_a_call_depends_on(shop: str) -> None:
    shown = run(f"{shop}:Queries.dues_of", "7", "least=2")
    assert shown.exit_code == 0, shown.output
    assert "sql:due: 1 slice of member_id, bound by = or IN: 'SELECT due.id FROM due" in shown.output
    assert run(f"{shop}:soon", "7").output == shown.output


def test_it_says_which_condition_binds_nothing_and_what_to_write(shop: str) -> None:
    shown = run(f"{shop}:over", "5")
    assert "'due.member_id > :member_id_1' is a range, and member_id has no buckets: declare them" in shown.output


def test_the_application_is_set_up_first(shop: str) -> None:
    assert run(f"{shop}:needs").exit_code == 1
    shown = run("--setup", f"{shop}:App", f"{shop}:needs")
    assert shown.output == "0 tags\n"


def test_arguments_are_values_of_python_or_text(shop: str) -> None:
    assert run(f"{shop}:typed", "2025-01", "b=[1, None]").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{}"], "write it as module:function"),
        (["{}:nothing"], "has no attribute 'nothing'. Run this where the application runs."),
        (["no_such_module:f"], "No module named 'no_such_module'"),
        (["{}:metadata"], "is no function but of type MetaData"),
        (["{}:over"], "does not take these arguments: "),
        (["{}:name", "x"], "the database's own catalogue"),
    ],
)
def test_what_cannot_be_explained_is_said(shop: str, arguments: list[str], sentence: str) -> None:
    shown = run(*[one.replace("{}", shop) for one in arguments])
    assert shown.exit_code != 0
    assert sentence in shown.output
