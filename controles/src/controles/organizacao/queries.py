"""Reads about the organisation and its núcleos."""

import dataclasses

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import QueryableAttribute

from controles.banco.models import ContaBancaria
from controles.contas.models import Usuario
from controles.cotas.models import Cota
from controles.db import MAX_ID, db
from controles.domain.periods import add_months
from controles.militantes.models import Militante, Nucleo, Situacao
from controles.organizacao.models import Organizacao, OrganizacaoLogo
from controles.organizacao.records import DadosNucleo, DadosOrganizacao, LinhaNucleo, Passo, PrimeirosPassos
from controles.services import cache_policies
from controles.services.cache_service import cached

__all__ = [
    "DadosNucleo",
    "DadosOrganizacao",
    "LinhaNucleo",
    "get_logo",
    "get_nucleo",
    "get_organizacao",
    "get_primeiros_passos",
    "has_logo",
    "list_all_nucleos",
]


@cached(cache_policies.ORGANIZACAO)
def get_organizacao() -> DadosOrganizacao:
    """The organisation's data; an empty record if nobody has filled it in."""
    names = [field.name for field in dataclasses.fields(DadosOrganizacao)]
    row = db.session.execute(select(*(getattr(Organizacao, name) for name in names))).one_or_none()
    return DadosOrganizacao() if row is None else DadosOrganizacao(*row)


@cached(cache_policies.PRIMEIROS_PASSOS)
def get_primeiros_passos() -> PrimeirosPassos:
    """How far the organisation has come with its first steps. Each is read from what it leaves behind."""
    found = db.session.execute(
        select(Organizacao.nome, Organizacao.pix_chave, Organizacao.inicio, Organizacao.passos_pulados)
    ).one_or_none()
    nome, pix_chave, inicio, pulados = found or ("", None, None, "")
    more_than_one = select(Usuario.id).where(Usuario.active).order_by(Usuario.id).limit(2)
    before = Cota.competencia == add_months(inicio, -1) if inicio is not None else Cota.id < 0
    done = {
        Passo.DADOS: bool(nome),
        Passo.PIX: bool(pix_chave),
        Passo.LOGO: _any(OrganizacaoLogo.id),
        Passo.NUCLEOS: _any(Nucleo.id),
        Passo.VALORES: inicio is not None,
        Passo.MILITANTES: _any(Militante.id),
        # What was owed before the beginning is no cota of a month that is kept here.
        Passo.COTAS: _any(Cota.id, ~before),
        Passo.SALDOS: _any(Cota.id, before),
        Passo.CONTA: _any(ContaBancaria.id),
        Passo.PESSOA: len(db.session.scalars(more_than_one).all()) > 1,
    }
    skipped = pulados.split(",")
    return PrimeirosPassos(
        tuple(passo for passo, is_done in done.items() if is_done),
        tuple(passo for passo in Passo if passo.value in skipped),
    )


def _any(column: QueryableAttribute[int], *conditions: ColumnElement[bool]) -> bool:
    return db.session.scalars(select(column).where(*conditions).limit(1)).first() is not None


def get_logo() -> tuple[str, bytes] | None:
    """The picture and its kind; None if there is none."""
    row = db.session.execute(select(OrganizacaoLogo.tipo, OrganizacaoLogo.conteudo)).one_or_none()
    return None if row is None else (row[0], row[1])


@cached(cache_policies.LOGO)
def has_logo() -> bool:
    return _any(OrganizacaoLogo.id)


@cached(cache_policies.NUCLEOS_LIST)
def list_all_nucleos() -> tuple[LinhaNucleo, ...]:
    """All núcleos, including inactive ones, by state and name."""
    members = (
        select(func.count())
        .where(Militante.nucleo_id == Nucleo.id, Militante.situacao != Situacao.DESLIGADO)
        .correlate(Nucleo)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(Nucleo.id, Nucleo.nome, Nucleo.uf, Nucleo.municipio, Nucleo.ativo, members).order_by(
            Nucleo.uf, Nucleo.nome
        )
    )
    return tuple(LinhaNucleo(*row) for row in rows)


def get_nucleo(nucleo_id: int) -> DadosNucleo | None:
    """None if there is none."""
    if not 0 < nucleo_id <= MAX_ID:
        return None
    row = db.session.execute(
        select(Nucleo.nome, Nucleo.uf, Nucleo.municipio, Nucleo.ativo).where(Nucleo.id == nucleo_id)
    ).one_or_none()
    return None if row is None else DadosNucleo(nome=row[0], uf=row[1], municipio=row[2], ativo=row[3])
