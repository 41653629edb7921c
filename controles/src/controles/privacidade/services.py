"""The register of requests: writing one down, and closing it with its answer."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.db import MAX_BIG_ID, MAX_ID
from controles.domain.clock import LOCAL_ZONE
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.domain.field_checks import one_line, past_date
from controles.militantes.models import Militante
from controles.militantes.scope import in_scope, owner_in_scope
from controles.privacidade.models import SolicitacaoTitular
from controles.privacidade.records import NovaSolicitacao
from controles.services.transaction import transaction

# Art. 19, II of the LGPD gives fifteen days for a complete answer about one's data; the same is promised for the rest.
DAYS_TO_ANSWER = 15


def register_solicitacao(escopo: Escopo, nova: NovaSolicitacao, *, autor_id: int | None, agora: dt.datetime) -> int:
    """Write a request down; returns its id. Its term is `DAYS_TO_ANSWER` days after it was received.

    NotFound if the militante is not in the escopo; Invalid if it is nobody's, and for a request of somebody who is not
    registered in the escopo of a núcleo.
    """
    hoje = agora.astimezone(LOCAL_ZONE).date()
    past_date("recebida_em", nova.recebida_em, hoje=hoje)
    pedido = one_line("pedido", nova.pedido, longest=500)
    with transaction() as session:
        nome = _name_of(session, escopo, nova)
        made = SolicitacaoTitular(
            tipo=nova.tipo,
            militante_id=nova.militante_id,
            nome=nome,
            pedido=pedido,
            recebida_em=nova.recebida_em,
            prazo=nova.recebida_em + dt.timedelta(days=DAYS_TO_ANSWER),
            registrada_em=agora,
            registrada_por_id=autor_id,
        )
        session.add(made)
        session.flush()
        # Not the name nor what was written: the audit keeps its rows forever, and the request may be to be forgotten.
        depois = {"tipo": made.tipo, "militante_id": made.militante_id, "recebida_em": made.recebida_em}
        audit.record(
            session,
            acao="solicitacao.registrar",
            tabela="solicitacao_titular",
            registro_id=made.id,
            depois={**depois, "prazo": made.prazo},
            usuario_id=autor_id,
            agora=agora,
        )
        return made.id


def conclude_solicitacao(
    escopo: Escopo, solicitacao_id: int, *, atendida: bool, resposta: str, autor_id: int | None, agora: dt.datetime
) -> None:
    """Close a request with its answer; Conflict if it is closed already."""
    answer = one_line("resposta", resposta, longest=500)
    if answer is None:
        raise Invalid("resposta", "Escreva o que foi respondido, ou por que o pedido não foi atendido.")
    with transaction() as session:
        found = _locked(session, escopo, solicitacao_id)
        if found.concluida_em is not None:
            raise Conflict("Esta solicitação já foi concluída por outra pessoa.")
        found.concluida_em, found.concluida_por_id = agora, autor_id
        found.atendida, found.resposta = atendida, answer
        session.flush()
        audit.record(
            session,
            acao="solicitacao.concluir",
            tabela="solicitacao_titular",
            registro_id=found.id,
            antes={"atendida": None},
            depois={"atendida": atendida},
            usuario_id=autor_id,
            agora=agora,
        )


def _name_of(session: Session, escopo: Escopo, nova: NovaSolicitacao) -> str:
    if nova.militante_id is not None:
        wanted = select(Militante).where(Militante.id == nova.militante_id, in_scope(escopo))
        militante = session.scalars(wanted).one_or_none() if 0 < nova.militante_id <= MAX_ID else None
        if militante is None:
            raise NotFound("Militante não encontrado.")
        return militante.nome_exibido
    nome = one_line("nome", nova.nome, longest=160)
    if nome is None:
        raise Invalid("nome", "Escreva o nome de quem pede.")
    if escopo.nucleo_id is not None:
        raise Invalid(
            "nome", "Quem não está cadastrado é atendido pela direção; registre aqui só quem é do seu núcleo."
        )
    return nome


def _locked(session: Session, escopo: Escopo, solicitacao_id: int) -> SolicitacaoTitular:
    if not 0 < solicitacao_id <= MAX_BIG_ID:
        raise NotFound("Solicitação não encontrada.")
    wanted = select(SolicitacaoTitular).where(
        SolicitacaoTitular.id == solicitacao_id, owner_in_scope(escopo, SolicitacaoTitular.militante_id)
    )
    locked = wanted.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(locked).one_or_none()
    if found is None:
        raise NotFound("Solicitação não encontrada.")
    return found
