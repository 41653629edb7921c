"""Reads about membership cards."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import func, select

from controles.carteiras.models import Carteira
from controles.carteiras.records import DadosCarteira, Prova
from controles.db import MAX_ID, db
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante, Nucleo, Situacao
from controles.militantes.scope import in_scope
from controles.organizacao.models import Organizacao


def get_carteiras(escopo: Escopo, ids: Sequence[int]) -> tuple[DadosCarteira, ...]:
    """Those of `ids` that are not revoked and are in the escopo, by name."""
    rows = db.session.execute(
        select(
            Carteira.id,
            Carteira.militante_id,
            func.coalesce(Militante.nome_social, Militante.nome),
            Militante.matricula,
            Nucleo.nome,
            Militante.data_filiacao,
            Carteira.codigo,
            Carteira.valida_ate,
            Carteira.emitida_em,
        )
        .join(Militante, Militante.id == Carteira.militante_id)
        .outerjoin(Nucleo, Nucleo.id == Militante.nucleo_id)
        .where(Carteira.id.in_(ids), Carteira.revogada_em.is_(None), in_scope(escopo))
        .order_by(Militante.nome_busca, Militante.id)
    )
    return tuple(DadosCarteira(*row._tuple()) for row in rows)


def carteira_of(escopo: Escopo, militante_id: int) -> DadosCarteira | None:
    """The card of one person that is not revoked; None if there is none."""
    if not 0 < militante_id <= MAX_ID:
        return None
    wanted = select(Carteira.id).where(Carteira.militante_id == militante_id, Carteira.revogada_em.is_(None))
    found = db.session.scalars(wanted).one_or_none()
    cards = get_carteiras(escopo, [found]) if found is not None else ()
    return cards[0] if cards else None


def active_members(escopo: Escopo, nucleo_id: int | None, *, limit: int) -> tuple[int, ...]:
    """At most `limit` active people of a núcleo, or of all, by name."""
    wanted = [in_scope(escopo), Militante.situacao == Situacao.ATIVO, Militante.anonimizado_em.is_(None)]
    if nucleo_id is not None:
        wanted.append(Militante.nucleo_id == nucleo_id)
    statement = select(Militante.id).where(*wanted).order_by(Militante.nome_busca, Militante.id).limit(limit)
    return tuple(db.session.scalars(statement))


def prove(codigo: str, *, hoje: dt.date) -> Prova | None:
    """What this code proves today, whoever asks; None if no card ever had it."""
    row = db.session.execute(
        select(Carteira.valida_ate, Carteira.revogada_em, Militante.situacao)
        .join(Militante, Militante.id == Carteira.militante_id)
        .where(Carteira.codigo == codigo[:24])
    ).one_or_none()
    if row is None:
        return None
    valida_ate, revogada_em, situacao = row
    organizacao = db.session.scalars(select(Organizacao.nome)).one_or_none() or ""
    vale = revogada_em is None and valida_ate >= hoje and situacao is Situacao.ATIVO
    return Prova(vale, organizacao, valida_ate)
