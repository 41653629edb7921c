"""Refusals that must not tell why: a number that stands elsewhere in the organisation would tell who is a member there.

Membership is sensitive. Whoever sees one núcleo registers a CPF or a PIX that another núcleo has already, and is told
that the national office will see to it: the same sentence whatever the reason, each time in the audit. Past a few in a
day it is what every new number gets, known or not, so that nobody can go through a list.
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

# As the audit names them: the table is none of the database's, and the record is the author's number.
TABLE = "conferencia"
MOST_IN_A_DAY = 10
SENTENCE = (
    "Isto não pode ser concluído aqui; nada foi salvo. A secretaria nacional recebeu o pedido, confere os dados "
    "e conclui o registro, ou responde ao seu núcleo."
)


class Withheld(Invalid):
    """Refused for a reason that stands in the audit only; `depois` is what the national office needs to decide."""

    def __init__(self, acao: str, depois: Mapping[str, object]) -> None:
        super().__init__("", SENTENCE)
        self.acao = acao
        self.depois = depois


def refuse_past_the_limit(
    session: Session, escopo: Escopo, acao: str, *, autor_id: int | None, agora: dt.datetime
) -> None:
    """Withheld for a núcleo's author who got as many refusals as a day allows, before anything is looked up."""
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
    """Write what is withheld inside into the audit: its own transaction was rolled back."""
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
