"""Generation asks everybody who owes a month for it, once."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.cotas.models import Cota
from controles.cotas.services import LoteGerado, generate_cotas
from controles.db import db
from controles.domain.domain_errors import Invalid
from controles.domain.escopo import Escopo

WHOLE = Escopo()
MARCH = dt.date(2026, 3, 1)


@pytest.fixture
def generate(app: Flask, agora: dt.datetime) -> Any:
    def run(competencia: dt.date = MARCH, escopo: Escopo = WHOLE) -> LoteGerado:
        return generate_cotas(escopo, competencia, autor_id=None, agora=agora)

    return run


def test_each_cota_is_worth_and_falls_due_as_its_militante_says(generate: Any, org: Any) -> None:
    ana = org.militante("Ana", valor_cota=1500, dia_vencimento=5)
    bia = org.militante("Bia", valor_cota=40000, dia_vencimento=28)
    assert generate() == LoteGerado(novas=2, existentes=0, total=41500)
    cotas = db.session.execute(sa.select(Cota.militante_id, Cota.valor, Cota.vencimento, Cota.pago)).all()
    assert set(map(tuple, cotas)) == {
        (ana, 1500, dt.date(2026, 3, 5), 0),
        (bia, 40000, dt.date(2026, 3, 28), 0),
    }


def test_the_exempt_those_on_leave_those_who_left_and_those_not_yet_there_are_not_asked(
    generate: Any, org: Any, hoje: dt.date
) -> None:
    org.militante("isenta", isento=True)
    org.on_leave(org.militante("licenciada"), dt.date(2026, 1, 31))
    org.end(org.militante("desligada"), dt.date(2026, 1, 31))
    org.militante("nova", data_filiacao=dt.date(2026, 3, 1))
    assert generate(dt.date(2026, 2, 1)) == LoteGerado(0, 0, 0)
    assert generate(MARCH) == LoteGerado(1, 0, 2000)


def test_generating_again_writes_only_what_is_missing_and_changes_nothing_else(generate: Any, org: Any) -> None:
    ana = org.militante("Ana")
    generate()
    org.pay(ana, 500)
    org.militante("Bia")
    assert generate() == LoteGerado(novas=1, existentes=1, total=2000)
    assert generate() == LoteGerado(novas=0, existentes=2, total=0)
    assert db.session.scalars(sa.select(Cota.pago).where(Cota.militante_id == ana)).one() == 500


def test_a_generation_is_audited_once_and_only_if_it_wrote(generate: Any, org: Any) -> None:
    org.militante("Ana")
    generate()
    generate()
    rows = db.session.scalars(sa.select(Auditoria).where(Auditoria.acao == "cotas.gerar")).all()
    assert [row.depois for row in rows] == [{"competencia": "2026-03-01", "nucleo_id": None, "novas": 1, "total": 2000}]


def test_an_author_of_one_nucleo_generates_only_for_it(generate: Any, org: Any) -> None:
    centro, leste = org.nucleo("Centro"), org.nucleo("Leste")
    ana = org.militante("Ana", nucleo_id=centro)
    org.militante("Bia", nucleo_id=leste)
    org.militante("Caio")
    assert generate(MARCH, Escopo(centro)) == LoteGerado(1, 0, 2000)
    assert list(db.session.scalars(sa.select(Cota.militante_id))) == [ana]


@pytest.mark.parametrize(
    "competencia", [dt.date(2026, 3, 2), dt.date(1989, 12, 1), dt.date(2027, 4, 1), dt.date(2205, 3, 1)]
)
def test_a_month_that_is_a_typing_error_is_refused(generate: Any, org: Any, competencia: dt.date) -> None:
    org.militante("Ana")
    with pytest.raises(Invalid) as refused:
        generate(competencia)
    assert refused.value.field == "competencia"


def test_several_generations_at_once_write_each_cota_once(app: Flask, generate: Any, org: Any) -> None:
    for number in range(20):
        org.militante(f"Ana {number}", matricula=f"M{number}", dia_vencimento=1 + number)
    together = threading.Barrier(4)

    def run(_: int) -> LoteGerado:
        together.wait()
        with app.app_context():
            made: LoteGerado = generate()
            return made

    with ThreadPoolExecutor(4) as pool:
        lotes = list(pool.map(run, range(4)))
    assert sorted(lote.novas for lote in lotes) == [0, 0, 0, 20]
    assert sum(lote.total for lote in lotes) == 40000
    assert audit.verify_chain(db.session).ok
