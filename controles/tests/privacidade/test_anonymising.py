"""Nothing in the tables names somebody who was anonymised, and no sum has changed."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.domain.text import search_form
from controles.lembretes.mail import Letter, mailer_of
from controles.militantes.models import Militante
from controles.militantes.queries import FiltroMilitantes, get_militante, list_militantes, search_militantes
from controles.pagamentos.queries import list_pagamentos, totals_pagamentos
from controles.pagamentos.records import FiltroPagamentos
from controles.privacidade.anonymising import anonymise, label_of
from controles.recibos.queries import get_recibo
from controles.schema.tables import metadata
from controles.services import running

from .conftest import CPF, EMAIL, MATRICULA, PHONE, WHOLE, Someone, make_someone, version_of

# What may still name them: the audit cannot be rewritten, and receipts are kept for their term.
KEPT = {"auditoria", "recibo", "frescor_outbox", "alembic_version"}
WORDS = ("zulmira", "conceicao", "zul ", EMAIL, PHONE, MATRICULA.lower(), "52998224725")


def everything() -> dict[str, str]:
    """All that the tables hold, in the form in which names are compared."""
    db.session.rollback()
    return {
        table.name: search_form(" ".join(map(_plain, db.session.execute(sa.select(table)))) + " ").lower()
        for table in metadata.sorted_tables
    }


def _plain(row: Any) -> str:
    return " ".join(json.dumps(cell, ensure_ascii=False, default=str) for cell in row)


def test_the_person_left_a_trace_in_many_tables_and_then_in_none(someone: Someone, org: Any) -> None:
    before = everything()
    named = {name for name, text in before.items() if "zul" in text}
    assert named >= {
        *("militante", "pagamento", "recibo", "linha_extrato", "lancamento", "importacao_linha"),
        *("assembleia_convocado", "solicitacao_titular"),
    }
    done = someone.anonymise(org)
    assert done.linhas["importacao_arquivo"] == 1
    for name, text in everything().items():
        if name not in KEPT:
            assert not [word for word in WORDS if word in text], name


def test_every_sum_stays_and_the_lists_show_no_name(someone: Someone, org: Any) -> None:
    hoje = org.clock.today

    def sums() -> Any:
        ficha = get_militante(WHOLE, someone.militante_id, hoje=hoje)
        assert ficha is not None
        return totals_pagamentos(WHOLE, FiltroPagamentos()), ficha.em_aberto, ficha.credito, ficha.data_filiacao

    before = sums()
    assert search_militantes(WHOLE, "zul", hoje=hoje)
    assert list_militantes(WHOLE, FiltroMilitantes(), hoje=hoje).linhas[0].nome == "Zul Conceição"
    someone.anonymise(org)
    assert sums() == before
    for term in ("zulmira", "zul", MATRICULA, CPF):
        assert search_militantes(WHOLE, term, hoje=hoje) == ()
    label = label_of(someone.militante_id)
    assert [line.nome for line in list_militantes(WHOLE, FiltroMilitantes(), hoje=hoje).linhas] == [label]
    assert {line.militante for line in list_pagamentos(WHOLE, FiltroPagamentos()).linhas} == {label, None}
    ficha = get_militante(WHOLE, someone.militante_id, hoje=hoje)
    assert ficha is not None
    assert ficha.anonimizado
    assert (ficha.cpf_mascarado, ficha.email, ficha.telefone, ficha.nascimento) == (None, None, None, None)


def test_the_receipt_still_says_whom_it_was_given_to_and_the_audit_is_intact(someone: Someone, org: Any) -> None:
    someone.anonymise(org)
    recibo = get_recibo(WHOLE, someone.recibo_id)
    assert recibo is not None
    assert recibo.conteudo.militante == "Zul Conceição"
    assert recibo.cpf == "52998224725"
    assert audit.verify_chain(db.session).ok


def test_only_the_name_goes_from_a_text_about_something_else(someone: Someone, org: Any) -> None:
    someone.anonymise(org)
    text = everything()
    label = label_of(someone.militante_id).lower()
    assert f"reembolso a {label}" in text["lancamento"]
    assert f"ted {label} 0001" in text["linha_extrato"]
    assert f"parece ser de {label}, perguntar".replace(",", " ").replace("  ", " ") in text["pagamento"]


def test_a_text_that_may_mean_somebody_of_the_same_name_stays(someone: Someone, org: Any) -> None:
    org.militante("Zulmira Dávila Conceição")
    someone.anonymise(org)
    text = everything()
    assert "ted zulmira davila conceicao" in text["linha_extrato"]
    # The line that was matched to her payment is hers alone.
    assert "pix recebido" not in text["linha_extrato"]


def test_only_a_former_member_is_anonymised_once_in_scope_and_with_a_reason(app: Flask, org: Any) -> None:
    maria = org.militante()
    with pytest.raises(Conflict, match="registre antes o desligamento"):
        Someone(maria, 0, 0, 0).anonymise(org)
    org.end(maria, org.clock.today)
    with pytest.raises(Invalid, match="por que"):
        Someone(maria, 0, 0, 0).anonymise(org, motivo=" ")
    elsewhere = Escopo(org.nucleo())
    with pytest.raises(NotFound):
        anonymise(elsewhere, maria, versao=version_of(maria), motivo="x", autor_id=None, agora=org.clock.now)
    with pytest.raises(Conflict, match="mudou"):
        anonymise(WHOLE, maria, versao=99, motivo="x", autor_id=None, agora=org.clock.now)
    Someone(maria, 0, 0, 0).anonymise(org)
    with pytest.raises(Conflict, match="não muda mais"):
        Someone(maria, 0, 0, 0).anonymise(org)


def test_the_matricula_of_an_anonymised_person_takes_nobodys(app: Flask, org: Any) -> None:
    maria = org.militante()
    org.militante("Outra", matricula=f"anon-{maria}")
    org.end(maria, org.clock.today)
    Someone(maria, 0, 0, 0).anonymise(org)
    assert db.session.get_one(Militante, maria).matricula == f"anon-{maria}-"


def test_an_email_that_waits_in_the_folder_is_deleted_and_nobody_elses(sqlite_app: Flask, org: Any) -> None:
    someone = make_someone(org)
    mailer = mailer_of(running.settings())
    with mailer.opened() as send:
        send(Letter(EMAIL, "Cotas", "Zul, falta uma cota."))
        send(Letter("x" + EMAIL, "Cotas", "Outra pessoa."))
    assert someone.anonymise(org).cartas == 1
    assert len(list(mailer.folder.glob("*.eml"))) == 1
