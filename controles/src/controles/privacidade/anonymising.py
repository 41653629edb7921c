"""Anonymising a former member: nothing that names the person is left in the tables, and no sum changes.

What stays are amounts, days and standings, without which the sums of past months would change; the audit, which cannot
be rewritten, and whose pages show nothing personal about somebody who was anonymised; and receipts, until their term is
over (`retention.py`).
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.domain.clock import LOCAL_ZONE
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.escopo import Escopo
from controles.domain.field_checks import one_line
from controles.domain.text import search_form
from controles.lembretes.mail import mailer_of
from controles.militantes.models import Militante, Situacao
from controles.militantes.writing import flush_militante, locked_militante
from controles.privacidade.models import SolicitacaoTitular, TipoSolicitacao
from controles.privacidade.naming import Names
from controles.privacidade.traces import Person, remove_traces
from controles.services import running
from controles.services.transaction import transaction


@dataclass(frozen=True, slots=True)
class Anonimizado:
    """How many rows were cleared, by table; and e-mails that waited in the folder and were deleted."""

    linhas: dict[str, int]
    cartas: int


def label_of(militante_id: int) -> str:
    """The name of an anonymised militante."""
    return f"Pessoa anonimizada {militante_id}"


def anonymise(
    escopo: Escopo, militante_id: int, *, versao: int, motivo: str, autor_id: int | None, agora: dt.datetime
) -> Anonimizado:
    """Anonymise a militante whose membership has ended; it cannot be undone.

    Their open requests to be anonymised are closed as granted. Raises NotFound outside of the escopo, and Conflict for
    a member, for somebody who is anonymised already, or if `versao` is not the present one.
    """
    reason = one_line("motivo", motivo, longest=200)
    if reason is None:
        raise Invalid("motivo", "Escreva por que os dados são retirados.")
    with transaction() as session:
        militante = locked_militante(session, escopo, militante_id, versao)
        if militante.situacao is not Situacao.DESLIGADO:
            raise Conflict("Só quem foi desligado pode ser anonimizado: registre antes o desligamento.")
        email, before = militante.email, militante.situacao
        person = _person(session, militante)
        _clear(session, militante, agora)
        cleared = remove_traces(session, person)
        _close_requests(session, militante.id, autor_id=autor_id, agora=agora)
        audit.record(
            session,
            acao="militante.anonimizar",
            tabela="militante",
            registro_id=militante.id,
            antes={"situacao": before},
            depois={"anonimizado_em": agora, "versao": militante.versao, "linhas": cleared},
            usuario_id=autor_id,
            agora=agora,
        )
    letters = mailer_of(running.settings()).forget(email) if email else 0
    return Anonimizado(cleared, letters)


def _person(session: Session, militante: Militante) -> Person:
    names = [militante.nome, militante.nome_social]
    wanted = {search_form(name) for name in names if name}
    others = select(Militante.id).where(Militante.id != militante.id, Militante.nome_busca.in_(wanted))
    shared = session.scalars(others.limit(1)).first() is not None
    return Person(
        militante_id=militante.id,
        label=label_of(militante.id),
        matricula=militante.matricula,
        # What names two people is left to the other one.
        names=Names(() if shared else names, email=militante.email),
    )


def _clear(session: Session, militante: Militante, agora: dt.datetime) -> None:
    militante.nome = label_of(militante.id)
    militante.nome_social = None
    militante.nome_busca = search_form(militante.nome)
    militante.matricula = _free_matricula(session, militante.id)
    militante.cpf_cifrado = militante.cpf_hmac = None
    militante.nascimento = militante.email = militante.telefone = None
    militante.email_busca = militante.telefone_busca = None
    militante.anonimizado_em = agora
    flush_militante(session)


def _free_matricula(session: Session, militante_id: int) -> str:
    """A number that says nothing; somebody may have typed it as theirs."""
    wanted = f"anon-{militante_id}"
    while session.scalars(select(Militante.id).where(Militante.matricula == wanted)).first() is not None:
        wanted += "-"
    return wanted


def _close_requests(session: Session, militante_id: int, *, autor_id: int | None, agora: dt.datetime) -> None:
    wanted = select(SolicitacaoTitular).where(
        SolicitacaoTitular.militante_id == militante_id,
        SolicitacaoTitular.tipo == TipoSolicitacao.ANONIMIZACAO,
        SolicitacaoTitular.concluida_em.is_(None),
    )
    for found in session.scalars(wanted.with_for_update().execution_options(populate_existing=True)):
        found.concluida_em, found.concluida_por_id, found.atendida = agora, autor_id, True
        found.resposta = f"Dados anonimizados em {agora.astimezone(LOCAL_ZONE):%d/%m/%Y}"
    session.flush()
