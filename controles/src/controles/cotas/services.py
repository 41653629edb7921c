"""Writes to cotas: the monthly generation."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Table, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.cotas.models import Cota
from controles.cotas.owing import Month, is_cancelled
from controles.db import serialise
from controles.domain.clock import LOCAL_ZONE
from controles.domain.domain_errors import Invalid
from controles.domain.escopo import Escopo
from controles.domain.periods import add_months
from controles.fechamento.closed_months import hold_months, refuse_closed
from controles.militantes.models import Militante
from controles.militantes.scope import owner_in_scope
from controles.organizacao.models import Organizacao
from controles.services.transaction import transaction

FIRST_YEAR = 1990
MONTHS_AHEAD = 12


@dataclass(frozen=True, slots=True)
class LoteGerado:
    """`novas` cotas were written, with a sum of `total` centavos; `existentes` cotas of the month existed before."""

    novas: int
    existentes: int
    total: int


def generate_cotas(escopo: Escopo, competencia: dt.date, *, autor_id: int | None, agora: dt.datetime) -> LoteGerado:
    """Write the cota of every militante who owes this month. Repeating it writes only what is missing.

    Who owes it and how much is decided as of that month (see `owing`). Cancelled cotas are asked for again. All or
    nothing. Invalid for a closed month.
    """
    check_month(competencia, agora.astimezone(LOCAL_ZONE).date())
    with transaction() as session:
        refuse_closed(hold_months(session), competencia, "competencia")
        # Without this, two at once for one month would each report the other's cotas as existing; none would be
        # doubled.
        serialise(session.connection(), f"cotas:{competencia.isoformat()}")
        refuse_before_beginning(session, competencia)
        month = Month(competencia, joiners_owe(session))
        existentes = session.scalars(
            select(func.count())
            .select_from(Cota)
            .where(Cota.competencia == competencia, ~is_cancelled(), owner_in_scope(escopo, Cota.militante_id))
        ).one()
        written = [*_revive(session, escopo, month), *_insert(session, escopo, month)]
        lote = LoteGerado(novas=len(written), existentes=existentes, total=sum(written))
        if written:
            audit.record(
                session,
                acao="cotas.gerar",
                tabela="cota",
                depois={
                    "competencia": competencia,
                    "nucleo_id": escopo.nucleo_id,
                    "novas": lote.novas,
                    "total": lote.total,
                },
                usuario_id=autor_id,
                agora=agora,
            )
    return lote


def check_month(competencia: dt.date, hoje: dt.date) -> None:
    """Raise Invalid unless there can be cotas of this month."""
    if competencia.day != 1:
        raise Invalid("competencia", "A competência é um mês: use o dia 1.")
    if competencia.year < FIRST_YEAR or competencia > add_months(hoje, MONTHS_AHEAD):
        raise Invalid(
            "competencia",
            f"A competência precisa estar entre 01/{FIRST_YEAR} e {MONTHS_AHEAD} meses depois de hoje; confira o ano.",
        )


def refuse_before_beginning(session: Session, competencia: dt.date) -> None:
    """Invalid for a month before the one with which the organisation's accounts begin: a balance stands for those."""
    begins = session.scalars(select(Organizacao.inicio)).one_or_none()
    if begins is not None and competencia < begins:
        raise Invalid(
            "competencia",
            f"A contabilidade começa em {begins:%m/%Y}; o que se devia antes entra como saldo de abertura, em "
            "“Importar”. O começo se muda em “Organização”.",
        )


def joiners_owe(session: Session) -> bool:
    """The organisation's choice for the month of joining; by default, people who join by the due day owe it."""
    chosen = session.scalars(select(Organizacao.cota_no_mes_da_filiacao)).one_or_none()
    return True if chosen is None else chosen


def _insert(session: Session, escopo: Escopo, month: Month) -> list[int]:
    """Insert the missing cotas; returns their amounts."""
    table = Cota.__table__
    assert isinstance(table, Table)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    source = select(Militante.id, literal(month.competencia), month.valor, month.vencimento, literal(0)).where(
        *month.owing(escopo)
    )
    statement = dialect.insert(table).from_select(
        ["militante_id", "competencia", "valor", "vencimento", "pago"], source
    )
    return list(session.scalars(statement.on_conflict_do_nothing().returning(table.c.valor)))


def _revive(session: Session, escopo: Escopo, month: Month) -> list[int]:
    """Ask again for the cancelled cotas of those who owe them, with the amounts of that month."""
    owner = Militante.id == Cota.militante_id
    revived = (
        update(Cota)
        .where(
            Cota.competencia == month.competencia,
            is_cancelled(),
            Cota.militante_id.in_(select(Militante.id).where(*month.owing(escopo))),
        )
        .values(
            valor=select(month.valor).where(owner).scalar_subquery(),
            vencimento=select(month.vencimento).where(owner).scalar_subquery(),
            dispensada_em=None,
            dispensa_motivo=None,
            dispensa_id=None,
        )
        .returning(Cota.valor)
        .execution_options(synchronize_session=False)
    )
    return list(session.scalars(revived))
