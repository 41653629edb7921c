"""Reads about the organisation and its núcleos."""

import dataclasses

from sqlalchemy import func, select

from controles.db import MAX_ID, db
from controles.militantes.models import Militante, Nucleo, Situacao
from controles.organizacao.models import Organizacao
from controles.organizacao.records import DadosNucleo, DadosOrganizacao, LinhaNucleo
from controles.services import cache_policies
from controles.services.cache_service import cached

__all__ = ["DadosNucleo", "DadosOrganizacao", "LinhaNucleo", "get_nucleo", "get_organizacao", "list_all_nucleos"]


@cached(cache_policies.ORGANIZACAO)
def get_organizacao() -> DadosOrganizacao:
    """The organisation's data; an empty record if nobody has filled it in."""
    names = [field.name for field in dataclasses.fields(DadosOrganizacao)]
    row = db.session.execute(select(*(getattr(Organizacao, name) for name in names))).one_or_none()
    return DadosOrganizacao() if row is None else DadosOrganizacao(*row)


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
