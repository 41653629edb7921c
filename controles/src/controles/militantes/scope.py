"""Which rows an escopo includes: the militantes of its núcleo, and what belongs to them."""

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import QueryableAttribute

from controles.db import MAX_ID
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante


def in_scope(escopo: Escopo) -> ColumnElement[bool]:
    """True for the militantes of the escopo's núcleo; always true for the whole organisation."""
    return true() if escopo.nucleo_id is None else Militante.nucleo_id == escopo.nucleo_id


def owner_in_scope(
    escopo: Escopo, militante_id: QueryableAttribute[int] | QueryableAttribute[int | None]
) -> ColumnElement[bool]:
    """`in_scope` for rows that refer to their militante. A row without one is only in the whole organisation's
    escopo."""
    if escopo.nucleo_id is None:
        return true()
    return militante_id.in_(select(Militante.id).where(in_scope(escopo)))


def narrowed(escopo: Escopo, nucleo_id: int | None) -> Escopo | None:
    """The escopo combined with a filter by núcleo; None if they have nothing in common."""
    if nucleo_id is None:
        return escopo
    if not 0 < nucleo_id <= MAX_ID or escopo.nucleo_id not in {None, nucleo_id}:
        return None
    return Escopo(nucleo_id)
