"""Who may vote on a day, by the rule that was chosen; and a roll that nothing changes afterwards."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.assembleias.models import Convocado, Impedimento, Regra
from controles.assembleias.queries import get_assembleia
from controles.assembleias.records import NovaAssembleia
from controles.assembleias.services import cancel_assembleia, issue_assembleia
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante
from controles.organizacao.models import Organizacao, TipoEntidade
from controles.services.transaction import transaction

WHOLE = Escopo()
DAY = dt.date(2026, 3, 20)


def issue(org: Any, escopo: Escopo = WHOLE, **values: Any) -> int:
    wanted: dict[str, Any] = {"nome": "Assembleia geral", "data": DAY} | values
    nova = NovaAssembleia(**wanted)
    return issue_assembleia(escopo, nova, autor_id=None, agora=org.clock.now, hoje=org.clock.today)


def roll(assembleia_id: int) -> dict[str, Impedimento | None]:
    db.session.rollback()
    rows = db.session.execute(
        sa.select(Convocado.nome, Convocado.impedimento).where(Convocado.assembleia_id == assembleia_id)
    )
    return {row[0]: row[1] for row in rows}


def test_the_standing_is_that_of_the_day(app: Flask, org: Any) -> None:
    names = ("Ativa", "Licenciada", "Voltou", "Saiu antes", "Saiu no dia", "Saiu depois")
    ids = {name: org.militante(name) for name in names}
    org.militante("Entrou no dia", data_filiacao=dt.date(2026, 3, 10))
    org.militante("Entrou depois", data_filiacao=dt.date(2026, 3, 11))
    org.on_leave(ids["Licenciada"], dt.date(2026, 3, 1))
    org.on_leave(ids["Voltou"], dt.date(2026, 2, 1))
    org.back(ids["Voltou"], dt.date(2026, 3, 10))
    org.end(ids["Saiu antes"], dt.date(2026, 3, 9))
    org.end(ids["Saiu no dia"], dt.date(2026, 3, 10))
    org.end(ids["Saiu depois"], dt.date(2026, 3, 11))
    assert roll(issue(org, data=dt.date(2026, 3, 10))) == {
        "Ativa": None,
        "Licenciada": Impedimento.LICENCA,
        "Voltou": None,
        "Saiu depois": None,
        "Entrou no dia": None,
    }


def test_who_joined_too_late_waits(app: Flask, org: Any) -> None:
    org.militante("No limite", data_filiacao=DAY - dt.timedelta(days=90))
    org.militante("Um dia depois", data_filiacao=DAY - dt.timedelta(days=89))
    assert roll(issue(org, carencia_dias=90)) == {"No limite": None, "Um dia depois": Impedimento.CARENCIA}


def test_so_many_overdue_cotas_are_tolerated_and_one_more_is_not(app: Flask, org: Any) -> None:
    none, one, two = (org.militante(name) for name in ("Nenhuma", "Uma", "Duas"))
    org.cotas("2026-01", "2026-02")
    org.pay(none, 4000)
    org.pay(one, 2000)
    assert roll(issue(org)) == {"Nenhuma": None, "Uma": None, "Duas": None}
    assert roll(issue(org, regra=Regra.EM_DIA)) == {
        "Nenhuma": None,
        "Uma": Impedimento.DEBITO,
        "Duas": Impedimento.DEBITO,
    }
    assert roll(issue(org, regra=Regra.EM_DIA, meses_tolerados=1)) == {
        "Nenhuma": None,
        "Uma": None,
        "Duas": Impedimento.DEBITO,
    }
    assert two


def test_a_party_keeps_no_defaulter_from_voting(app: Flask, org: Any) -> None:
    org.militante()
    with transaction() as session:
        session.add(Organizacao(id=1, nome="Partido", tipo=TipoEntidade.PARTIDO))
    with pytest.raises(Invalid, match="Um partido não pode"):
        issue(org, regra=Regra.EM_DIA)
    assert len(roll(issue(org))) == 1


def test_a_roll_stays_as_it_was_issued(app: Flask, org: Any) -> None:
    maria = org.militante("Maria")
    issued = issue(org)
    before = get_assembleia(WHOLE, issued)
    org.end(maria, dt.date(2026, 3, 1))
    with transaction() as session:
        session.execute(sa.update(Militante).values(nome="Outro", nome_busca="outro"))
    assert roll(issued) == {"Maria": None}
    assert get_assembleia(WHOLE, issued) == before
    with pytest.raises(Invalid, match="Ninguém é membro"):
        issue(org)


def test_a_nucleo_calls_its_own_members_whatever_it_asks_for(app: Flask, org: Any) -> None:
    near, far = org.nucleo("Perto"), org.nucleo("Longe")
    org.militante("Ana", nucleo_id=near)
    org.militante("Bia", nucleo_id=far)
    org.militante("Sem")
    mine = issue(org, Escopo(near), nucleo_id=far)
    assert list(roll(mine)) == ["Ana"]
    whole = issue(org)
    found = get_assembleia(WHOLE, whole)
    assert found is not None
    assert [(one.nucleo, one.com_direito) for one in found.por_nucleo] == [
        ("Longe", 1),
        ("Perto", 1),
        ("Sem núcleo", 1),
    ]
    assert get_assembleia(Escopo(near), whole) is None
    with pytest.raises(NotFound):
        cancel_assembleia(Escopo(near), whole, motivo="x", autor_id=None, agora=org.clock.now)


def test_a_cancelled_roll_stays_with_its_reason(app: Flask, org: Any) -> None:
    org.militante("Maria")
    issued = issue(org)
    with pytest.raises(Invalid, match="por que a lista"):
        cancel_assembleia(WHOLE, issued, motivo=" ", autor_id=None, agora=org.clock.now)
    cancel_assembleia(WHOLE, issued, motivo="data errada", autor_id=None, agora=org.clock.now)
    with pytest.raises(Conflict):
        cancel_assembleia(WHOLE, issued, motivo="de novo", autor_id=None, agora=org.clock.now)
    found = get_assembleia(WHOLE, issued)
    assert found is not None
    assert (found.motivo, len(roll(issued))) == ("data errada", 1)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"nome": "  "}, "nome"),
        ({"data": dt.date(2029, 1, 1)}, "data"),
        ({"meses_tolerados": -1}, "meses_tolerados"),
        ({"carencia_dias": 99_999}, "carencia_dias"),
        ({"nucleo_id": 77}, "nucleo_id"),
        ({"nucleo_id": 2**40}, "nucleo_id"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_field(
    sqlite_app: Flask, org: Any, values: dict[str, Any], field: str
) -> None:
    org.militante()
    with pytest.raises(Invalid) as refused:
        issue(org, **values)
    assert refused.value.field == field
