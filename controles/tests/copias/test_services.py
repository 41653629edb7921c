"""A copy holds everything, is restored exactly, into either database, or changes nothing."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.auditoria.tips import tips_in_logs
from controles.copias.rows import LEFT_OUT
from controles.copias.services import Copia, check_copia, restore_copia, write_copia
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.escopo import Escopo
from controles.militantes.models import Nucleo
from controles.militantes.queries import count_militantes
from controles.militantes.records import FiltroMilitantes
from controles.recibos.services import issue_recibos
from controles.schema.tables import metadata
from controles.services.transaction import transaction

PASSPHRASE = "cavalo correto bateria grampo"
WHOLE = Escopo()
MakeApp = Callable[..., Flask]


def fill(org: Any) -> int:
    """Two núcleos, the older one below the newer one; a member with a CPF, cotas, a payment, an estorno, a receipt."""
    centro, estado = org.nucleo("Centro"), org.nucleo("Estado")
    with transaction() as session:
        session.get_one(Nucleo, centro).pai_id = estado
    maria = org.militante("Zoé D'Ávila “É”", nucleo_id=centro, cpf="529.982.247-25", email="z@exemplo.org")
    org.cotas("2026-02", "2026-03")
    pagamento_id = org.pay(maria, 2000, observacao="=1+1")
    org.reverse(org.pay(maria, 700))
    issue_recibos(WHOLE, (pagamento_id,), autor_id=None, agora=org.clock.now)
    return int(maria)


def copy_of(org: Any) -> tuple[bytes, Copia]:
    file = io.BytesIO()
    db.session.rollback()
    written = write_copia(file, PASSPHRASE, agora=org.clock.now)
    return file.getvalue(), written


def restore(content: bytes, org: Any, **options: Any) -> Copia:
    return restore_copia(io.BytesIO(content), PASSPHRASE, agora=org.clock.now, **options)


def everything() -> dict[str, list[str]]:
    db.session.rollback()
    with db.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table))))
            for table in metadata.sorted_tables
            if table.name not in LEFT_OUT
        }


def test_a_copy_restores_every_row_and_the_next_numbers_follow(app: Flask, org: Any) -> None:
    maria = fill(org)
    content, written = copy_of(org)
    before = everything()
    assert check_copia(io.BytesIO(content), PASSPHRASE) == written
    assert written.linhas["militante"] == 1
    assert written.total == sum(map(len, before.values()))
    org.militante("Depois da Cópia")
    org.pay(maria, 100)
    assert restore(content, org, replace=True) == written
    after = everything()
    # What restoring itself wrote.
    for name in ("auditoria", "auditoria_ponta"):
        before.pop(name), after.pop(name)
    assert after == before
    assert audit.verify_chain(db.session).ok
    assert (
        db.session.scalars(sa.select(Auditoria.acao).order_by(Auditoria.id.desc()).limit(1)).one() == "copia.restaurar"
    )
    assert org.militante("Nova") > maria
    assert org.pay(maria, 50) > 0


def test_a_copy_of_one_database_is_restored_into_the_other(
    make_app: MakeApp, sqlite_url: str, postgres_url: str, org: Any
) -> None:
    urls = [sqlite_url, postgres_url]
    for source, target in (urls, urls[::-1]):
        with make_app(DATABASE_URL=source).app_context():
            if source == sqlite_url:
                fill(org)
            before = everything()
            content, written = copy_of(org)
        with make_app(DATABASE_URL=target).app_context():
            restore(content, org, replace=target == sqlite_url)
            found = everything()
            assert audit.verify_chain(db.session).ok
            for name in set(before) - {"auditoria", "auditoria_ponta"}:
                assert found[name] == before[name], name
            assert len(found["auditoria"]) == written.linhas["auditoria"] + 1


def test_only_an_empty_installation_is_filled_unless_told_to_replace(app: Flask, org: Any) -> None:
    fill(org)
    content, _ = copy_of(org)
    before = everything()
    with pytest.raises(Conflict, match="já tem militantes"):
        restore(content, org)
    assert everything() == before


def test_a_copy_that_is_damaged_changes_nothing(app: Flask, org: Any) -> None:
    fill(org)
    content, _ = copy_of(org)
    before = everything()
    for damaged in (content[:-1], content[: len(content) // 2], b"", content + b"x"):
        with pytest.raises(Invalid):
            restore(damaged, org, replace=True)
        assert everything() == before
    assert audit.missing_triggers(db.session) == ()
    with pytest.raises(Invalid, match="não abre"):
        restore_copia(io.BytesIO(content), "outra frase bem longa", replace=True, agora=org.clock.now)


def test_a_copy_whose_keys_are_not_here_is_refused(make_app: MakeApp, sqlite_url: str, org: Any) -> None:
    with make_app(DATABASE_URL=sqlite_url).app_context():
        fill(org)
        content, _ = copy_of(org)
    with make_app(DATABASE_URL=sqlite_url, SECRET_KEY="u8Yw2Kd5Pq9Lx3Vn7Bt1Rm6Zc4Hs0Jf8Ga2We5Qi").app_context():
        before = everything()
        with pytest.raises(Invalid, match="AUDIT_KEY"):
            restore(content, org, replace=True)
        assert everything() == before


def test_a_copy_of_another_version_of_the_tables_is_refused(
    sqlite_app: Flask, org: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controles.copias.services._revision", lambda _connection: "0001")
    content, _ = copy_of(org)
    monkeypatch.undo()
    with pytest.raises(Invalid, match="versão 0001"):
        restore(content, org)


def test_nothing_that_was_cached_before_is_served_afterwards(app: Flask, org: Any) -> None:
    content, _ = copy_of(org)
    fill(org)
    hoje = org.clock.today
    assert count_militantes(WHOLE, FiltroMilitantes(), hoje=hoje) == 1
    restore(content, org, replace=True)
    assert count_militantes(WHOLE, FiltroMilitantes(), hoje=hoje) == 0


def test_the_copy_names_nobody_to_whoever_has_no_passphrase(sqlite_app: Flask, org: Any) -> None:
    fill(org)
    content, _ = copy_of(org)
    for word in ("Zoé", "exemplo.org", "militante", "52998224725"):
        assert word.encode() not in content


def test_tips_from_before_a_restore_do_not_count_against_the_restored_chain(
    sqlite_app: Flask, org: Any, tmp_path: Any
) -> None:
    log = tmp_path / "controles.log"
    before = '{"tip": "9-0123456789abcdef", "event": "audit_tip", "timestamp": "2026-03-01T10:00:00.000001Z"}\n'
    restored = '{"event": "audit_restored", "timestamp": "2026-03-01T10:00:00.000002Z"}\n'
    after = '{"tip": "8-0123456789abcdef", "event": "audit_tip", "timestamp": "2026-03-01T10:00:00.000003Z"}\n'
    log.write_text(after + before)
    assert [tip.row_id for tip in tips_in_logs([log])] == [8, 9]
    log.write_text(after + restored + before)
    assert [tip.row_id for tip in tips_in_logs([log])] == [8]
