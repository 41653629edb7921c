"""Writes to cotas: the monthly generation."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from controles.admin import audit
from controles.clock import LOCAL_ZONE
from controles.cotas.conditions import owes_cota
from controles.cotas.models import Cota
from controles.db import serialise
from controles.domain_errors import Invalid
from controles.escopo import Escopo
from controles.militantes.models import Militante
from controles.periods import add_months
from controles.services.transaction import transaction

FIRST_YEAR = 1990
MONTHS_AHEAD = 12


@dataclass(frozen=True, slots=True)
class LoteGerado:
    """`novas` cotas were written, `existentes` were there already; `total` is what the new ones sum to, in centavos."""

    novas: int
    existentes: int
    total: int


def generate_cotas(escopo: Escopo, competencia: dt.date, *, autor_id: int | None, agora: dt.datetime) -> LoteGerado:
    """Ask every militante who owes this month for their cota. Doing it again writes only what is missing.

    Left out: the exempt, those on leave, those who left, and those who joined after the month. All or nothing.
    """
    _check(competencia, agora.astimezone(LOCAL_ZONE).date())
    with transaction() as session:
        # Two at once for one month would each count the other's cotas as existing; nothing would be doubled.
        serialise(session.connection(), f"cotas:{competencia.isoformat()}")
        asked = owes_cota(escopo, competencia)
        owing = session.scalars(select(func.count()).select_from(Militante).where(*asked)).one()
        days = session.scalars(select(Militante.dia_vencimento).where(*asked).distinct()).all()
        novas, total = 0, 0
        for day in sorted(days):
            written = _insert(session, competencia, day, asked)
            novas, total = novas + len(written), total + sum(written)
        lote = LoteGerado(novas=novas, existentes=owing - novas, total=total)
        if novas:
            audit.record(
                session,
                acao="cotas.gerar",
                tabela="cota",
                depois={"competencia": competencia, "nucleo_id": escopo.nucleo_id, "novas": novas, "total": total},
                usuario_id=autor_id,
                agora=agora,
            )
    return lote


def _check(competencia: dt.date, hoje: dt.date) -> None:
    if competencia.day != 1:
        raise Invalid("competencia", "A competência é um mês: use o dia 1.")
    if competencia.year < FIRST_YEAR or competencia > add_months(hoje, MONTHS_AHEAD):
        raise Invalid(
            "competencia",
            f"A competência precisa estar entre 01/{FIRST_YEAR} e {MONTHS_AHEAD} meses depois de hoje; confira o ano.",
        )


def _insert(session: Session, competencia: dt.date, day: int, asked: tuple[ColumnElement[bool], ...]) -> list[int]:
    """Insert the missing cotas that fall due on `day`; what each is worth comes back.

    One statement for each due day: arithmetic on dates is not the same in any two databases.
    """
    table = Cota.__table__
    assert isinstance(table, Table)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    source = select(
        Militante.id,
        literal(competencia),
        Militante.valor_cota,
        literal(competencia.replace(day=day)),
        literal(0),
    ).where(*asked, Militante.dia_vencimento == day)
    statement = dialect.insert(table).from_select(
        ["militante_id", "competencia", "valor", "vencimento", "pago"], source
    )
    return list(session.scalars(statement.on_conflict_do_nothing().returning(table.c.valor)))
