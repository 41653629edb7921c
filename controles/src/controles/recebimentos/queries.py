"""Reads about lists of receipts."""

import datetime as dt

from sqlalchemy import func, select

from controles.cotas.conditions import is_open
from controles.cotas.models import Cota
from controles.db import MAX_ID, db
from controles.militantes.models import Militante
from controles.recebimentos.models import Estado, Fonte, Recebimento, RecebimentoLinha
from controles.recebimentos.records import DetalheRecebimento, Faltante, Linha, LinhaRecebimentos
from controles.recebimentos.services import known_keys
from controles.services import cache_policies
from controles.services.cache_service import cached

# The most lists that are shown.
MOST = 100
_NAME = func.coalesce(Militante.nome_social, Militante.nome)


@cached(cache_policies.RECEBIMENTOS)
def list_recebimentos() -> tuple[LinhaRecebimentos, ...]:
    """The newest lists first, with the number and the sum of their lines."""
    return _lists(select(Recebimento.id).order_by(Recebimento.id.desc()).limit(MOST))


@cached(cache_policies.RECEBIMENTOS)
def get_recebimento(recebimento_id: int) -> DetalheRecebimento | None:
    """None if there is none."""
    if not 0 < recebimento_id <= MAX_ID:
        return None
    found = _lists([recebimento_id])
    if not found:
        return None
    (lista,) = found
    return DetalheRecebimento(lista, _lines(lista), _missing(lista))


@cached(cache_policies.RECEBIMENTOS)
def list_empregadores() -> tuple[str, ...]:
    """The employers of earlier payroll lists, by name."""
    rows = db.session.scalars(
        select(Recebimento.empregador)
        .where(Recebimento.empregador.is_not(None))
        .distinct()
        .order_by(Recebimento.empregador)
    )
    return tuple(name for name in rows if name)


def _lists(wanted: object) -> tuple[LinhaRecebimentos, ...]:
    sums = (
        select(
            RecebimentoLinha.recebimento_id,
            func.count().label("linhas"),
            func.sum(RecebimentoLinha.valor).label("total"),
        )
        .where(RecebimentoLinha.recebimento_id.in_(wanted))  # type: ignore[arg-type]
        .group_by(RecebimentoLinha.recebimento_id)
        .subquery()
    )
    rows = db.session.execute(
        select(
            Recebimento.id,
            Recebimento.fonte,
            Recebimento.estado,
            Recebimento.arquivo,
            Recebimento.empregador,
            Recebimento.competencia,
            Recebimento.criado_em,
            func.coalesce(sums.c.linhas, 0),
            func.coalesce(sums.c.total, 0),
        )
        .outerjoin(sums, sums.c.recebimento_id == Recebimento.id)
        .where(Recebimento.id.in_(wanted))  # type: ignore[arg-type]
        .order_by(Recebimento.id.desc())
    )
    return tuple(LinhaRecebimentos(*row[:-1], int(row[-1])) for row in rows)


def _lines(lista: LinhaRecebimentos) -> tuple[Linha, ...]:
    rows = db.session.execute(
        select(
            RecebimentoLinha.id,
            RecebimentoLinha.numero,
            RecebimentoLinha.texto,
            RecebimentoLinha.militante_id,
            _NAME,
            RecebimentoLinha.data,
            RecebimentoLinha.valor,
            RecebimentoLinha.competencia,
            RecebimentoLinha.duvida,
            RecebimentoLinha.chave,
            RecebimentoLinha.pagamento_id,
            Militante.valor_cota,
        )
        .outerjoin(Militante, Militante.id == RecebimentoLinha.militante_id)
        .where(RecebimentoLinha.recebimento_id == lista.id)
        .order_by(RecebimentoLinha.numero, RecebimentoLinha.id)
    ).all()
    checking = lista.estado is Estado.CONFERIR
    known = known_keys(db.session, [row[9] for row in rows]) if checking else set()
    expected = _open_in(lista.competencia, [row[3] for row in rows if row[3] is not None]) if checking else {}
    return tuple(
        Linha(
            *row[:9],
            repetida=row[9] in known,
            pagamento_id=row[10],
            esperado=expected.get(row[3], row[11]) if checking and lista.fonte is Fonte.FOLHA and row[3] else None,
        )
        for row in rows
    )


def _open_in(competencia: dt.date | None, people: list[int]) -> dict[int, int]:
    """What is open of this month's cota, by militante."""
    if competencia is None:
        return {}
    owed: dict[int, int] = {}
    for start in range(0, len(people), 500):
        rows = db.session.execute(
            select(Cota.militante_id, Cota.valor - Cota.pago).where(
                Cota.militante_id.in_(people[start : start + 500]), Cota.competencia == competencia, is_open()
            )
        )
        owed.update({militante_id: int(rest) for militante_id, rest in rows})
    return owed


def _missing(lista: LinhaRecebimentos) -> tuple[Faltante, ...]:
    """Who was in the employer's last accepted list and is not in this one."""
    if lista.fonte is not Fonte.FOLHA or lista.competencia is None:
        return ()
    last = db.session.scalars(
        select(Recebimento.id)
        .where(
            func.lower(Recebimento.empregador) == (lista.empregador or "").lower(),
            Recebimento.estado == Estado.ACEITO,
            Recebimento.competencia < lista.competencia,
        )
        .order_by(Recebimento.competencia.desc(), Recebimento.id.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        return ()
    here = select(RecebimentoLinha.militante_id).where(
        RecebimentoLinha.recebimento_id == lista.id, RecebimentoLinha.militante_id.is_not(None)
    )
    rows = db.session.execute(
        select(RecebimentoLinha.militante_id, _NAME, func.sum(RecebimentoLinha.valor))
        .join(Militante, Militante.id == RecebimentoLinha.militante_id)
        .where(RecebimentoLinha.recebimento_id == last, RecebimentoLinha.militante_id.not_in(here))
        .group_by(RecebimentoLinha.militante_id, _NAME)
        .order_by(_NAME)
    )
    return tuple(Faltante(militante_id or 0, nome, int(valor)) for militante_id, nome, valor in rows)
