"""How money is allocated to cotas: planned without a database, then written."""

import datetime as dt
from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.cotas.models import Cota
from controles.cotas.records import CotaAberta
from controles.pagamentos.models import Alocacao
from controles.pagamentos.records import ParteAlocada


def plan_allocation(cotas: tuple[CotaAberta, ...], valor: int) -> tuple[ParteAlocada, ...]:
    """How `valor` centavos pay these cotas, oldest first. The rest is credit."""
    partes: list[ParteAlocada] = []
    rest = valor
    for cota in sorted(cotas, key=lambda cota: (cota.competencia, cota.id)):
        centavos = min(rest, cota.em_aberto)
        if centavos <= 0:
            continue
        partes.append(ParteAlocada(cota_id=cota.id, competencia=cota.competencia, centavos=centavos))
        rest -= centavos
    return tuple(partes)


def as_open(cota: Cota, hoje: dt.date) -> CotaAberta:
    """A locked cota in the form that the plan needs."""
    return CotaAberta(
        id=cota.id,
        competencia=cota.competencia,
        valor=cota.valor,
        pago=cota.pago,
        em_aberto=cota.em_aberto,
        vencimento=cota.vencimento,
        vencida=cota.vencimento < hoje,
    )


def allocate(
    session: Session,
    pagamento_id: int,
    partes: Iterable[ParteAlocada],
    cotas: Mapping[int, Cota],
    *,
    is_new: bool = False,
) -> None:
    """Write the parts, and the paid amount of each cota, which always change together.

    The caller has locked the cotas. A part for a cota that this payment already pays is added to the existing one; a
    payment that `is_new`, written in this transaction, pays none yet.
    """
    paid = () if is_new else session.scalars(select(Alocacao).where(Alocacao.pagamento_id == pagamento_id))
    there = {row.cota_id: row for row in paid}
    for parte in partes:
        if parte.cota_id in there:
            there[parte.cota_id].centavos += parte.centavos
        else:
            session.add(Alocacao(pagamento_id=pagamento_id, cota_id=parte.cota_id, centavos=parte.centavos))
        cotas[parte.cota_id].pago += parte.centavos
    session.flush()
