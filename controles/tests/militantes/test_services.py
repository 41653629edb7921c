"""Militantes are created, changed and ended by whoever may, each time with what was and what is now."""

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.db import db
from controles.domain.domain_errors import Conflict, DomainError, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante, Nucleo, Situacao, SituacaoHistorico
from controles.militantes.queries import FichaMilitante, get_militante
from controles.militantes.services import DadosMilitante, create_militante, update_militante
from controles.militantes.standing import Mudanca, end_membership

WHOLE = Escopo()
CPF, OTHER_CPF = "529.982.247-25", "111.444.777-35"


def dados(**values: Any) -> DadosMilitante:
    given: dict[str, Any] = {"nome": "Maria da Silva", "data_filiacao": dt.date(2020, 1, 15)} | values
    return DadosMilitante(**given)


def end_militante(
    escopo: Escopo,
    militante_id: int,
    *,
    data: dt.date,
    motivo: str | None,
    versao: int,
    autor_id: None,
    agora: dt.datetime,
) -> None:
    end_membership(
        escopo,
        Mudanca(militante_id=militante_id, data=data, motivo=motivo, versao=versao, autor_id=autor_id, agora=agora),
    )


@pytest.fixture
def create(app: Flask, agora: dt.datetime) -> Callable[..., int]:
    def make(escopo: Escopo = WHOLE, **values: Any) -> int:
        return create_militante(escopo, dados(**values), autor_id=None, agora=agora)

    return make


@pytest.fixture
def update(app: Flask, agora: dt.datetime) -> Callable[..., None]:
    def change(militante_id: int, versao: int, escopo: Escopo = WHOLE, **values: Any) -> None:
        update_militante(escopo, militante_id, dados(**values), versao=versao, autor_id=None, agora=agora)

    return change


@pytest.fixture
def ficha(app: Flask, hoje: dt.date) -> Callable[[int], FichaMilitante]:
    def read(militante_id: int) -> FichaMilitante:
        found = get_militante(WHOLE, militante_id, hoje=hoje)
        assert found is not None
        return found

    return read


def last_audit() -> Auditoria:
    return db.session.scalars(sa.select(Auditoria).order_by(Auditoria.id.desc()).limit(1)).one()


def test_a_new_militante_is_active_from_the_day_of_joining(create: Any, ficha: Any) -> None:
    shown = ficha(create(nome="  José   D'Ávila ", nome_social="Joana D’Ávila", cpf=CPF, email="j@exemplo.org.br"))
    assert (shown.nome, shown.nome_exibido, shown.situacao) == ("José D'Ávila", "Joana D’Ávila", Situacao.ATIVO)
    assert (shown.matricula, shown.cpf_mascarado, shown.versao) == ("000001", "***.982.247-**", 1)
    assert [(change.situacao, change.desde) for change in shown.historico] == [(Situacao.ATIVO, dt.date(2020, 1, 15))]
    assert db.session.scalars(sa.select(Militante.nome_busca)).one() == "joana davila"


def test_the_stored_cpf_is_not_the_number(create: Any) -> None:
    create(cpf=CPF)
    stored = db.session.execute(sa.select(Militante.cpf_cifrado, Militante.cpf_hmac)).one()
    assert all(b"52998224725" not in column for column in stored)


def test_creation_is_audited_with_the_cpf_masked(create: Any) -> None:
    militante_id = create(cpf=CPF)
    row = last_audit()
    assert (row.acao, row.tabela, row.registro_id, row.antes) == ("militante.criar", "militante", militante_id, None)
    assert row.depois is not None
    assert (row.depois["nome"], row.depois["cpf"]) == ("Maria da Silva", "***.982.247-**")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("nome", {"nome": "  "}),
        ("nome", {"nome": "..."}),
        ("nome", {"nome": "x" * 161}),
        ("nome", {"nome": "Maria\x00Silva"}),
        ("nome_social", {"nome_social": "-"}),
        ("cpf", {"cpf": "529.982.247-24"}),
        ("cpf", {"cpf": "123"}),
        ("data_filiacao", {"data_filiacao": dt.date(2026, 3, 18)}),
        ("data_filiacao", {"data_filiacao": dt.date(202, 3, 18)}),
        ("nascimento", {"nascimento": dt.date(2020, 1, 15)}),
        ("nascimento", {"nascimento": dt.date(2027, 1, 1)}),
        ("email", {"email": "sem arroba"}),
        ("email", {"email": "a@b"}),
        ("telefone", {"telefone": "1" * 21}),
        ("matricula", {"matricula": "x" * 21}),
        ("dia_vencimento", {"dia_vencimento": 0}),
        ("dia_vencimento", {"dia_vencimento": 29}),
        ("valor_cota", {"valor_cota": 0}),
        ("valor_cota", {"valor_cota": 10**14}),
        ("nucleo_id", {"nucleo_id": 99}),
        ("nucleo_id", {"nucleo_id": 10**30}),
    ],
)
def test_what_cannot_be_accepted_is_refused_by_field_and_nothing_is_written(
    create: Any, field: str, values: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as refused:
        create(**values)
    assert refused.value.field == field
    assert db.session.scalars(sa.select(sa.func.count()).select_from(Militante)).one() == 0
    assert audit.verify_chain(db.session).checked == 0


def test_a_matricula_or_cpf_of_another_militante_is_refused(create: Any) -> None:
    create(matricula="A-7", cpf=CPF)
    with pytest.raises(Invalid, match="Esta matrícula já é"):
        create(matricula="A-7")
    with pytest.raises(Invalid, match="Este CPF já é"):
        create(cpf="52998224725")


def test_the_next_matricula_passes_over_those_that_were_given_by_hand(create: Any, ficha: Any) -> None:
    for number in (1, 2, 3, 5):
        create(matricula=f"{number:06d}")
    assert [ficha(create()).matricula for _ in range(2)] == ["000006", "000007"]


def test_an_inactive_nucleo_takes_no_new_militante_but_keeps_its_own(create: Any, update: Any, org: Any) -> None:
    nucleo = org.nucleo()
    militante_id = create(nucleo_id=nucleo)
    db.session.execute(sa.update(Nucleo).values(ativo=False))
    db.session.commit()
    with pytest.raises(Invalid) as refused:
        create(nucleo_id=nucleo)
    assert refused.value.field == "nucleo_id"
    update(militante_id, 1, nucleo_id=nucleo, telefone="11 91234-5678")


def test_an_update_changes_what_differs_and_says_so(create: Any, update: Any, ficha: Any) -> None:
    militante_id = create(cpf=CPF, telefone="1")
    update(militante_id, 1, nome="Maria Souza", telefone="2", email="m@exemplo.org")
    shown = ficha(militante_id)
    assert (shown.nome, shown.telefone, shown.versao, shown.cpf_mascarado) == (
        "Maria Souza",
        "2",
        2,
        "***.982.247-**",
    )
    row = last_audit()
    assert row.acao == "militante.alterar"
    assert row.antes == {"nome": "Maria da Silva", "telefone": "1", "email": None}
    assert row.depois == {"nome": "Maria Souza", "telefone": "2", "email": "m@exemplo.org", "versao": 2}


def test_an_update_that_changes_nothing_writes_nothing(create: Any, update: Any, ficha: Any) -> None:
    militante_id = create(cpf=CPF)
    update(militante_id, 1, cpf=CPF)
    assert ficha(militante_id).versao == 1
    assert last_audit().acao == "militante.criar"


def test_a_cpf_is_changed_and_removed_and_kept_when_not_given(create: Any, update: Any, ficha: Any) -> None:
    militante_id = create(cpf=CPF)
    update(militante_id, 1, cpf=OTHER_CPF)
    assert ficha(militante_id).cpf_mascarado == "***.444.777-**"
    update(militante_id, 2, cpf=None, telefone="1")
    assert ficha(militante_id).cpf_mascarado == "***.444.777-**"
    update(militante_id, 3, cpf="")
    assert ficha(militante_id).cpf_mascarado is None


def test_two_cpfs_that_look_alike_behind_the_mask_are_still_a_change(create: Any, update: Any) -> None:
    militante_id = create(cpf=CPF)
    update(militante_id, 1, cpf="000.982.247-00")
    row = last_audit()
    assert (row.acao, row.antes, row.depois) == (
        "militante.alterar",
        {"cpf": "***.982.247-**"},
        {"cpf": "***.982.247-**", "versao": 2},
    )


def test_the_second_of_two_who_opened_the_same_form_is_told(create: Any, update: Any, ficha: Any) -> None:
    militante_id = create()
    update(militante_id, 1, telefone="1")
    with pytest.raises(Conflict, match="mudou depois que"):
        update(militante_id, 1, telefone="2")
    assert ficha(militante_id).telefone == "1"


def test_of_two_updates_at_the_same_moment_exactly_one_is_written(
    app: Flask, create: Any, update: Any, ficha: Any
) -> None:
    militante_id = create()
    together = threading.Barrier(4)

    def change(number: int) -> bool:
        together.wait()
        with app.app_context():
            try:
                update(militante_id, 1, telefone=str(number))
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(change, range(4)))
    assert written.count(True) == 1
    shown = ficha(militante_id)
    assert (shown.versao, shown.telefone) == (2, str(written.index(True)))


def test_militantes_created_at_the_same_moment_get_different_matriculas(app: Flask, create: Any) -> None:
    together = threading.Barrier(6)

    def make(_: int) -> int:
        together.wait()
        with app.app_context():
            made: int = create()
            return made

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(make, range(6)))
    matriculas = set(db.session.scalars(sa.select(Militante.matricula)))
    assert len(matriculas) == 6
    assert audit.verify_chain(db.session) == audit.ChainResult(ok=True, checked=6)


def test_one_cpf_registered_twice_at_the_same_moment_is_one_militante(app: Flask, create: Any) -> None:
    together = threading.Barrier(4)

    def make(number: int) -> str:
        together.wait()
        with app.app_context():
            try:
                create(cpf=CPF, matricula=f"M{number}")
            except Invalid as refused:
                return refused.field
            return "written"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make, range(4))) == ["cpf", "cpf", "cpf", "written"]


def test_an_ended_militante_keeps_the_date_and_the_reason(create: Any, ficha: Any, agora: dt.datetime) -> None:
    militante_id = create()
    end_militante(
        WHOLE, militante_id, data=dt.date(2026, 3, 1), motivo="mudou-se", versao=1, autor_id=None, agora=agora
    )
    shown = ficha(militante_id)
    assert (shown.situacao, shown.data_desligamento, shown.versao) == (Situacao.DESLIGADO, dt.date(2026, 3, 1), 2)
    assert shown.historico[-1].motivo == "mudou-se"
    row = last_audit()
    assert (row.acao, row.depois) == (
        "militante.desligar",
        {
            "situacao": "desligado",
            "data": "2026-03-01",
            "data_desligamento": "2026-03-01",
            "motivo": "mudou-se",
            "versao": 2,
            "cotas_dispensadas": 0,
        },
    )


@pytest.mark.parametrize(
    ("data", "versao", "error"),
    [
        (dt.date(2026, 3, 18), 1, Invalid),
        (dt.date(2020, 1, 14), 1, Invalid),
        (dt.date(2026, 3, 1), 2, Conflict),
    ],
    ids=["future", "before joining", "old form"],
)
def test_an_end_that_makes_no_sense_is_refused(
    create: Any, ficha: Any, agora: dt.datetime, data: dt.date, versao: int, error: type[DomainError]
) -> None:
    militante_id = create()
    with pytest.raises(error):
        end_militante(WHOLE, militante_id, data=data, motivo=None, versao=versao, autor_id=None, agora=agora)
    assert ficha(militante_id).situacao is Situacao.ATIVO
    assert db.session.scalars(sa.select(sa.func.count()).select_from(SituacaoHistorico)).one() == 1


def test_a_militante_ends_once(create: Any, agora: dt.datetime) -> None:
    militante_id = create()
    data = dt.date(2026, 3, 1)
    end_militante(WHOLE, militante_id, data=data, motivo=None, versao=1, autor_id=None, agora=agora)
    with pytest.raises(Conflict, match="já foi desligado em 01/03/2026"):
        end_militante(WHOLE, militante_id, data=data, motivo=None, versao=2, autor_id=None, agora=agora)


def test_an_ended_militante_can_be_corrected_but_not_join_after_leaving(create: Any, update: Any, org: Any) -> None:
    militante_id = create()
    org.end(militante_id, dt.date(2024, 5, 1))
    update(militante_id, 2, telefone="1")
    with pytest.raises(Invalid) as refused:
        update(militante_id, 3, data_filiacao=dt.date(2024, 5, 2))
    assert refused.value.field == "data_filiacao"


def test_an_author_of_one_nucleo_touches_only_its_militantes(
    create: Any, update: Any, org: Any, agora: dt.datetime
) -> None:
    ours, theirs = org.nucleo("Centro"), org.nucleo("Leste")
    scoped = Escopo(ours)
    mine, foreign, nowhere = create(nucleo_id=ours), create(nucleo_id=theirs), create()
    for hidden in (foreign, nowhere):
        with pytest.raises(NotFound):
            update(hidden, 1, scoped, nucleo_id=ours)
        with pytest.raises(NotFound):
            end_militante(scoped, hidden, data=dt.date(2026, 1, 1), motivo=None, versao=1, autor_id=None, agora=agora)
    for elsewhere in (theirs, None):
        with pytest.raises(Invalid, match="seu núcleo"):
            update(mine, 1, scoped, nucleo_id=elsewhere)
        with pytest.raises(Invalid, match="seu núcleo"):
            create(scoped, nucleo_id=elsewhere)
    update(mine, 1, scoped, nucleo_id=ours, telefone="1")


@pytest.mark.parametrize("militante_id", [0, -1, 2**31, 2**63, 10**30])
def test_a_number_that_is_no_id_is_not_found(update: Any, hoje: dt.date, militante_id: int) -> None:
    with pytest.raises(NotFound):
        update(militante_id, 1)
    assert get_militante(WHOLE, militante_id, hoje=hoje) is None
