"""Refusals that must not give their reason: a number that is registered elsewhere would reveal who is a member there.

Membership is sensitive. If somebody who sees one núcleo registers a CPF or a PIX that another núcleo already has, they
are told that the national office will handle it: always in the same words, and with an audit row. After a few such
refusals in a day every new number is answered in this way, known or not, so that nobody can try out a list.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.domain.domain_errors import Invalid
from controles.domain.escopo import Escopo
from controles.services.transaction import transaction

# The audit's name for these refusals; it is no table of the database. The record's number is that of the author.
TABLE = "conferencia"
MOST_IN_A_DAY = 10
SENTENCE = (
    "Isto não pode ser concluído aqui; nada foi salvo. A secretaria nacional recebeu o pedido, confere os dados "
    "e conclui o registro, ou responde ao seu núcleo."
)


class Withheld(Invalid):
    """Refused for a reason that is only in the audit; `depois` is what the national office needs to decide."""

    def __init__(self, acao: str, depois: Mapping[str, object]) -> None:
        super().__init__("", SENTENCE)
        self.acao = acao
        self.depois = depois


def refuse_past_the_limit(
    session: Session, escopo: Escopo, acao: str, *, autor_id: int | None, agora: dt.datetime
) -> None:
    """Raise Withheld, before anything is looked up, if an author of a núcleo had as many refusals as a day allows."""
    if escopo.nucleo_id is None:
        return
    refused = (
        select(func.count())
        .select_from(Auditoria)
        .where(
            Auditoria.tabela == TABLE,
            Auditoria.registro_id == (autor_id or 0),
            Auditoria.quando > agora - dt.timedelta(days=1),
        )
    )
    if session.scalars(refused).one() >= MOST_IN_A_DAY:
        raise Withheld(acao, {"nucleo_id": escopo.nucleo_id, "limite_do_dia": True})


@contextmanager
def on_record(*, autor_id: int | None, agora: dt.datetime) -> Iterator[None]:
    """Write a refusal raised within it to the audit, in a new transaction: that of the refusal was rolled back."""
    try:
        yield
    except Withheld as refusal:
        with transaction() as session:
            audit.record(
                session,
                acao=refusal.acao,
                tabela=TABLE,
                registro_id=autor_id or 0,
                depois=refusal.depois,
                usuario_id=autor_id,
                agora=agora,
            )
        raise
