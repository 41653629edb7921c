"""Giving money back out of an account: a militante's credit, or a payment of which nobody knows whose it is."""

import datetime as dt
from dataclasses import replace

from sqlalchemy import select

from controles.auditoria import audit
from controles.caixa.models import TipoLancamento
from controles.caixa.records import NovaDevolucao, NovoLancamento
from controles.caixa.services import ACCOUNTS, checked, registered, write_lancamento
from controles.db import serialise
from controles.fechamento.closed_months import hold_months, refuse_closed
from controles.militantes.models import Militante
from controles.pagamentos.refunds import CATEGORY, lock_credit, lock_unidentified, write
from controles.services.transaction import transaction


def refund(nova: NovaDevolucao, *, autor_id: int | None, agora: dt.datetime, hoje: dt.date) -> int:
    """Write the movement that gives the money back, and from which payments it is taken; returns the movement's id.

    With a `chave_idempotencia` that was used before, it returns the first id and writes nothing. Invalid for `valor` if
    the militante has less credit on that day, or names another field, as for any movement. Conflict if the unidentified
    payment was identified, reversed or given back meanwhile.
    """
    novo = checked(
        NovoLancamento(
            tipo=TipoLancamento.DESPESA,
            conta_id=nova.conta_id,
            data=nova.data,
            valor=nova.valor,
            categoria=CATEGORY,
            descricao=nova.descricao,
            chave_idempotencia=nova.chave_idempotencia,
        ),
        hoje,
    )
    with transaction() as session:
        refuse_closed(hold_months(session), novo.data, "data")
        serialise(session.connection(), ACCOUNTS)
        known = registered(session, novo.chave_idempotencia)
        if known is not None:
            return known
        if nova.militante_id is not None:
            partes = lock_credit(session, nova.militante_id, novo.valor, novo.data)
            # As what was paid counts for the payer's núcleo.
            nucleo_id = session.scalars(select(Militante.nucleo_id).where(Militante.id == nova.militante_id)).one()
            novo = replace(novo, nucleo_id=nucleo_id)
        else:
            partes = lock_unidentified(session, nova.pagamento_id or 0, novo.valor, novo.data)
        row = write_lancamento(session, novo, autor_id=autor_id, agora=agora)
        write(session, partes, lancamento_id=row.id)
        audit.record(
            session,
            acao="pagamento.devolver",
            tabela="lancamento",
            registro_id=row.id,
            depois={
                "militante_id": nova.militante_id,
                "partes": [{"pagamento_id": parte.pagamento_id, "centavos": parte.centavos} for parte in partes],
            },
            usuario_id=autor_id,
            agora=agora,
        )
        return row.id
