"""Many payments at once are the same as one after the other."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import Flask

from controles.auditoria.audit import verify_chain
from controles.auditoria.models import Auditoria
from controles.cotas.models import Cota
from controles.db import db
from controles.pagamentos.many import Entrada, keep_others_out, register_many
from controles.pagamentos.models import Alocacao, Metodo, Pagamento
from controles.pagamentos.services import NovoPagamento
from controles.services.transaction import transaction


def novo(militante_id: int | None, valor: int, day: int, **more: Any) -> NovoPagamento:
    return NovoPagamento(
        militante_id=militante_id, valor=valor, data_credito=dt.date(2026, 3, day), metodo=Metodo.PIX, **more
    )


def scene(org: Any, names: tuple[str, str]) -> list[NovoPagamento]:
    ana, bia = (org.militante(name, valor_cota=valor) for name, valor in zip(names, (2000, 3000), strict=True))
    org.cotas("2026-01", "2026-02", "2026-03")
    return [
        novo(ana, 2500, 1),
        novo(bia, 10_000, 2, observacao="adiantado"),
        novo(None, 700, 2),
        # The rest of the second cota, then the third, then credit.
        novo(ana, 5000, 3),
    ]


def written(since: int) -> tuple[list[Any], list[Any], list[Any]]:
    """Payments, what each pays, and what the audit says of them, without the numbers of people and cotas."""
    columns = [one for one in Pagamento.__table__.columns if one.name not in ("id", "militante_id")]
    pagamentos = [tuple(row) for row in db.session.execute(sa.select(*columns).where(Pagamento.id > since))]
    parts = (
        sa.select(Pagamento.data_credito, Cota.competencia, Alocacao.centavos, Cota.pago)
        .join(Alocacao, Alocacao.pagamento_id == Pagamento.id)
        .join(Cota, Cota.id == Alocacao.cota_id)
        .where(Pagamento.id > since)
        .order_by(Pagamento.id, Cota.competencia)
    )
    said = sa.select(Auditoria.depois).where(Auditoria.acao == "pagamento.registrar", Auditoria.registro_id > since)
    audited = []
    for depois in db.session.scalars(said.order_by(Auditoria.registro_id)):
        cotas = [(one["competencia"], one["centavos"]) for one in depois["cotas"]]
        audited.append({**depois, "militante_id": None, "cotas": cotas})
    return pagamentos, [tuple(row) for row in db.session.execute(parts)], audited


def test_many_write_what_one_after_the_other_would(app: Flask, org: Any, clock: Any) -> None:
    for one in scene(org, ("Ana", "Bia")):
        org.pay(one.militante_id, one.valor, data_credito=one.data_credito, observacao=one.observacao)
    last = db.session.scalars(sa.select(sa.func.max(Pagamento.id))).one()
    apart = written(0)
    entradas = [Entrada(one) for one in scene(org, ("Caio", "Duda"))]
    with transaction() as session:
        keep_others_out(session)
        some = list(register_many(session, entradas, autor_id=None, agora=clock.now, hoje=clock.today))
    assert [len(ids) for ids in some] == [4]
    assert written(last) == apart
    assert len(apart[1]) == 7
    assert verify_chain(db.session).ok
