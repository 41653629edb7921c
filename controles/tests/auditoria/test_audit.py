"""The chain holds every change in order, and shows what was done to it."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controles.auditoria import audit
from controles.auditoria.models import Auditoria, AuditoriaPonta
from controles.db import db
from controles.militantes.models import Situacao
from controles.services.transaction import transaction

WHEN = dt.datetime(2026, 3, 17, 12, 30, 15, 123456, tzinfo=dt.timezone(dt.timedelta(hours=-3)))


def write(**values: Any) -> int:
    with transaction() as session:
        return audit.record(session, **{"acao": "teste", "usuario_id": None, "agora": WHEN} | values)


def test_rows_are_numbered_from_one_without_gaps_and_follow_each_other(app: Flask) -> None:
    assert [write(), write(), write()] == [1, 2, 3]
    rows = db.session.scalars(sa.select(Auditoria).order_by(Auditoria.id)).all()
    assert rows[0].digest_anterior == audit.GENESIS
    assert [row.digest_anterior for row in rows[1:]] == [row.digest for row in rows[:-1]]
    assert audit.verify_chain(db.session) == audit.ChainResult(ok=True, checked=3)


def test_an_empty_chain_is_whole(app: Flask) -> None:
    assert audit.verify_chain(db.session) == audit.ChainResult(ok=True, checked=0)


def test_a_rolled_back_change_leaves_no_row_and_no_gap(app: Flask) -> None:
    write()
    audit.record(db.session, acao="teste", usuario_id=None, agora=WHEN)
    db.session.rollback()
    assert write() == 2
    assert audit.verify_chain(db.session).ok


# In a zone the extreme instants do not exist.
instants = st.datetimes(timezones=st.just(dt.UTC)).filter(lambda when: 2 <= when.year <= 9998)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
    | st.dates()
    | st.datetimes(timezones=st.just(dt.UTC))
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.sampled_from(Situacao),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
# PostgreSQL keeps no character of number zero.
fields = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8), json_values, max_size=4
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.none() | fields, after=fields, when=instants)
def test_digests_survive_the_database(
    app: Flask, before: dict[str, Any] | None, after: dict[str, Any], when: dt.datetime
) -> None:
    write(antes=before, depois=after, agora=when, tabela="militante", registro_id=2**40)
    result = audit.verify_chain(db.session)
    assert result.ok, result


@pytest.mark.parametrize(
    "changed",
    [
        {"acao": "outra"},
        {"registro_id": 9},
        {"quando": WHEN + dt.timedelta(microseconds=1)},
        {"depois": {"valor": 2}},
        {"antes": {}},
        {"tabela": "cota"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_changed_row_is_named(app: Flask, as_owner: Any, changed: dict[str, Any]) -> None:
    for valor in range(3):
        write(depois={"valor": valor}, registro_id=valor)
    as_owner(sa.update(Auditoria).where(Auditoria.id == 2).values(changed))
    assert audit.verify_chain(db.session) == audit.ChainResult(
        ok=False, checked=1, first_bad_id=2, reason="a linha 2 foi alterada depois de escrita"
    )


@pytest.mark.parametrize(("removed", "first_bad"), [(1, 2), (2, 3), (3, 3)], ids=["first", "middle", "last"])
def test_a_missing_row_shows_even_at_either_end(app: Flask, as_owner: Any, removed: int, first_bad: int) -> None:
    for _ in range(3):
        write()
    as_owner(sa.delete(Auditoria).where(Auditoria.id == removed))
    result = audit.verify_chain(db.session)
    assert (result.ok, result.first_bad_id) == (False, first_bad)


def test_a_row_that_somebody_put_behind_the_end_shows(app: Flask) -> None:
    write()
    db.session.add(
        Auditoria(id=2, quando=WHEN, acao="forjada", digest_anterior=bytes(31) + b"1", digest=bytes(31) + b"2")
    )
    db.session.commit()
    result = audit.verify_chain(db.session)
    assert (result.ok, result.first_bad_id, result.reason) == (False, 2, "a linha 2 não foi escrita pela aplicação")


def test_a_chain_whose_end_was_forgotten_is_not_whole(app: Flask, as_owner: Any) -> None:
    write()
    as_owner(sa.delete(AuditoriaPonta))
    assert not audit.verify_chain(db.session).ok


def test_a_cpf_is_masked_wherever_it_stands(app: Flask) -> None:
    write(
        antes={"cpf": "529.982.247-25", "motivo": "pago pela mãe, CPF 52998224725, em dinheiro"},
        depois={"cotas": [{"observacao": "52998224725"}], "telefone": "11987654321", "e2eid": "E5299822472512345"},
    )
    row = db.session.scalars(sa.select(Auditoria)).one()
    assert row.antes == {"cpf": "***.982.247-**", "motivo": "pago pela mãe, CPF ***.982.247-**, em dinheiro"}
    assert row.depois == {
        "cotas": [{"observacao": "***.982.247-**"}],
        "telefone": "11987654321",
        "e2eid": "E5299822472512345",
    }


def test_values_are_kept_as_plain_json(app: Flask) -> None:
    write(depois={"data": dt.date(2026, 3, 1), "valor": Decimal("1.50"), "situacao": Situacao.ATIVO, "n": None})
    row = db.session.scalars(sa.select(Auditoria)).one()
    assert row.depois == {"data": "2026-03-01", "valor": "1.50", "situacao": "ativo", "n": None}
    assert row.antes is None
    assert row.quando == WHEN


@pytest.mark.parametrize("value", [1.5, b"secret", object()], ids=["float", "bytes", "object"])
def test_a_value_that_json_would_change_is_refused(app: Flask, value: object) -> None:
    with pytest.raises(TypeError, match="the audit row's 'valor' is a"):
        write(depois={"valor": value})


def test_many_writers_at_once_make_one_line_without_losing_a_row(app: Flask) -> None:
    writers, each = 6, 8
    together = threading.Barrier(writers)

    def work(number: int) -> list[int]:
        together.wait()
        with app.app_context():
            return [write(depois={"autor": number, "vez": turn}) for turn in range(each)]

    with ThreadPoolExecutor(writers) as pool:
        numbers = [number for rows in pool.map(work, range(writers)) for number in rows]
    assert sorted(numbers) == list(range(1, writers * each + 1))
    assert audit.verify_chain(db.session) == audit.ChainResult(ok=True, checked=writers * each)


def test_a_chain_checked_while_it_grows_is_whole(app: Flask) -> None:
    stop = threading.Event()

    def grow() -> None:
        with app.app_context():
            while not stop.is_set():
                write()

    with ThreadPoolExecutor(1) as pool:
        growing = pool.submit(grow)
        try:
            results = [audit.verify_chain(db.session) for _ in range(20)]
        finally:
            stop.set()
        growing.result()
    assert all(result.ok for result in results), results


REFUSED = [
    "UPDATE auditoria SET acao = 'outra' WHERE id = 1",
    "UPDATE auditoria SET selo = NULL",
    "DELETE FROM auditoria WHERE id = 2",
    "DELETE FROM auditoria",
    "DELETE FROM auditoria_ponta",
    "UPDATE auditoria_ponta SET ultimo_id = 1",
    "UPDATE auditoria_ponta SET digest = (SELECT digest FROM auditoria WHERE id = 1)",
]
ONLY_POSTGRESQL = ["TRUNCATE auditoria", "TRUNCATE auditoria_ponta", "TRUNCATE usuario CASCADE"]
ONLY_SQLITE = [
    "INSERT OR REPLACE INTO auditoria SELECT id, quando, usuario_id, 'outra', tabela, registro_id, antes, depois, "
    "digest_anterior, digest, chave, selo FROM auditoria WHERE id = 1",
    "REPLACE INTO auditoria_ponta SELECT id, 1, digest FROM auditoria_ponta",
]


@pytest.mark.parametrize("statement", [*REFUSED, *ONLY_POSTGRESQL, *ONLY_SQLITE])
def test_the_database_refuses_to_change_the_audit(app: Flask, statement: str) -> None:
    other = ONLY_SQLITE if db.engine.dialect.name == "postgresql" else ONLY_POSTGRESQL
    for _ in range(3):
        write()
    before = db.session.execute(sa.text("SELECT * FROM auditoria ORDER BY id")).all()
    db.session.rollback()
    with pytest.raises(sa.exc.DBAPIError) as refused:
        db.session.execute(sa.text(statement))
    db.session.rollback()
    if statement not in other:
        assert "auditoria" in str(refused.value.orig)
    assert db.session.execute(sa.text("SELECT * FROM auditoria ORDER BY id")).all() == before
    assert write() == 4
    assert audit.verify_chain(db.session).ok


@pytest.mark.parametrize("table", ["auditoria", "auditoria_ponta"])
def test_triggers_that_were_taken_away_or_switched_off_show(app: Flask, table: str) -> None:
    write()
    sqlite = db.engine.dialect.name == "sqlite"
    with db.engine.connect() as connection:
        try:
            found = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'auditoria%'"
            triggers = connection.exec_driver_sql(found).all() if sqlite else []
            name = "auditoria_ponta_anda" if table == "auditoria_ponta" else "auditoria_fica_update"
            away = f"DROP TRIGGER {name}" if sqlite else f"ALTER TABLE {table} DISABLE TRIGGER ALL"
            connection.exec_driver_sql(away)
            connection.commit()
            result = audit.verify_chain(db.session)
            db.session.rollback()
            assert not result.ok
            assert "foi retirado do banco ou desligado: auditoria" in (result.reason or "")
        finally:
            if not sqlite:
                connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
            for trigger, sql in triggers:
                if trigger == name:
                    connection.exec_driver_sql(sql)
            connection.commit()
    assert audit.verify_chain(db.session).ok


def computed_anew(since: int, **changed: Any) -> list[sa.Update]:
    """What somebody who has the database, and no key, writes to make the chain from `since` fit again."""
    rows = db.session.scalars(sa.select(Auditoria).order_by(Auditoria.id)).all()
    previous, statements = rows[since - 2].digest if since > 1 else audit.GENESIS, []
    for row in rows[since - 1 :]:
        for name, value in changed.items():
            setattr(row, name, value)
        row.digest_anterior = previous
        previous = audit._digest(row)
        values = {"digest_anterior": row.digest_anterior, "digest": previous, "acao": row.acao, "chave": row.chave}
        statements.append(sa.update(Auditoria).where(Auditoria.id == row.id).values(**values))
        tip = {"digest": previous, "ultimo_id": row.id}
    db.session.rollback()
    return [*statements, sa.update(AuditoriaPonta).values(**tip)]


@pytest.mark.parametrize("name", [{}, {"chave": None}, {"chave": b"nada"}], ids=["key", "no key", "unknown key"])
def test_a_chain_computed_anew_lacks_its_seals(app: Flask, as_owner: Any, name: dict[str, Any]) -> None:
    for _ in range(4):
        write()
    for statement in computed_anew(2, acao="outra", **name):
        as_owner(statement)
    write()
    result = audit.verify_chain(db.session)
    assert (result.ok, result.first_bad_id) == (False, 2)
    assert "selo" in (result.reason or "")
    # Nor does what would make a whole chain good.
    with transaction() as session:
        assert not audit.vouch(session, agora=WHEN).ok
    assert not audit.verify_chain(db.session).ok


def test_rows_that_were_taken_from_the_end_are_told_by_a_tip_kept_elsewhere(app: Flask, as_owner: Any) -> None:
    for _ in range(5):
        write()
    tip = audit.verify_chain(db.session).tip
    assert tip is not None
    digest = db.session.scalars(sa.select(Auditoria.digest).where(Auditoria.id == 3)).one()
    as_owner(sa.delete(Auditoria).where(Auditoria.id > 3))
    as_owner(sa.update(AuditoriaPonta).values(ultimo_id=3, digest=digest))
    assert audit.verify_chain(db.session).ok
    short = audit.verify_chain(db.session, [tip])
    assert (short.ok, short.first_bad_id) == (False, 4)
    assert "linhas foram retiradas" in (short.reason or "")
    for turn in range(3):
        write(depois={"vez": turn})
    grown = audit.verify_chain(db.session, [tip])
    assert (grown.ok, grown.first_bad_id) == (False, 5)


def test_a_new_key_checks_the_old_seals_and_vouches_for_them(make_app: Any, database_url: str, as_owner: Any) -> None:
    old, new = "kV8rQ2mXs5WzL0tYb7NcJ4hGf1DpRe9UaTo3iSx6", "Zc4Tn8Lq1VyKj7Wd0RmXg3Hs6PbFe9UaQo2iSk5B"
    with make_app(DATABASE_URL=database_url, AUDIT_KEY=old).app_context():
        for _ in range(3):
            write()
    with make_app(DATABASE_URL=database_url, AUDIT_KEY=new).app_context():
        write()
        alone = audit.verify_chain(db.session)
        assert (alone.ok, alone.first_bad_id) == (False, 1)
    with make_app(DATABASE_URL=database_url, AUDIT_KEY=new, AUDIT_KEY_FALLBACKS=old).app_context():
        assert audit.verify_chain(db.session).ok
        with transaction() as session:
            assert audit.vouch(session, agora=WHEN).ok
    with make_app(DATABASE_URL=database_url, AUDIT_KEY=new).app_context():
        write()
        assert audit.verify_chain(db.session) == audit.ChainResult(ok=True, checked=6)
        # What it vouches for cannot be changed afterwards either.
        for statement in computed_anew(2, acao="outra"):
            as_owner(statement)
        assert not audit.verify_chain(db.session).ok
