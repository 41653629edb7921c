"""Reads about assemblies and their rolls."""

from collections.abc import Iterator

from sqlalchemy import case, func, select

from controles.assembleias.models import Assembleia, Convocado
from controles.assembleias.records import ContagemNucleo, DetalheAssembleia, LinhaAssembleia, LinhaConvocado
from controles.assembleias.services import visible
from controles.contas.models import Usuario
from controles.db import MAX_ID, db
from controles.domain.escopo import Escopo
from controles.militantes.models import Nucleo

MOST_LISTED = 200
_MAY_VOTE = Convocado.impedimento.is_(None)


def list_assembleias(escopo: Escopo) -> tuple[LinhaAssembleia, ...]:
    """The newest 200 by date, with how many are on each roll."""
    of_one = Convocado.assembleia_id == Assembleia.id
    members = select(func.count()).select_from(Convocado).where(of_one).correlate(Assembleia).scalar_subquery()
    voters = (
        select(func.count()).select_from(Convocado).where(of_one, _MAY_VOTE).correlate(Assembleia).scalar_subquery()
    )
    rows = db.session.execute(
        select(
            Assembleia.id,
            Assembleia.nome,
            Assembleia.data,
            Nucleo.nome,
            members,
            voters,
            Assembleia.cancelada_em.is_not(None),
        )
        .outerjoin(Nucleo, Nucleo.id == Assembleia.nucleo_id)
        .where(visible(escopo))
        .order_by(Assembleia.data.desc(), Assembleia.id.desc())
        .limit(MOST_LISTED)
    )
    return tuple(LinhaAssembleia(*tuple(row)) for row in rows)


def get_assembleia(escopo: Escopo, assembleia_id: int) -> DetalheAssembleia | None:
    """One assembly; None if it does not exist, or not in this escopo."""
    if not 0 < assembleia_id <= MAX_ID:
        return None
    found = db.session.execute(
        select(Assembleia, Nucleo.nome, Usuario.nome)
        .outerjoin(Nucleo, Nucleo.id == Assembleia.nucleo_id)
        .outerjoin(Usuario, Usuario.id == Assembleia.emitida_por_id)
        .where(Assembleia.id == assembleia_id, visible(escopo))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        return None
    row, nucleo, autor = found
    counts = db.session.execute(
        select(
            Convocado.nucleo,
            func.sum(case((_MAY_VOTE, 1), else_=0)),
            func.sum(case((_MAY_VOTE, 0), else_=1)),
        )
        .where(Convocado.assembleia_id == assembleia_id)
        .group_by(Convocado.nucleo)
        .order_by(Convocado.nucleo)
    )
    reasons = db.session.execute(
        select(Convocado.impedimento, func.count())
        .where(Convocado.assembleia_id == assembleia_id, Convocado.impedimento.is_not(None))
        .group_by(Convocado.impedimento)
        .order_by(Convocado.impedimento)
    )
    return DetalheAssembleia(
        id=row.id,
        nome=row.nome,
        data=row.data,
        nucleo=nucleo,
        regra=row.regra,
        meses_tolerados=row.meses_tolerados,
        carencia_dias=row.carencia_dias,
        emitida_em=row.emitida_em,
        emitida_por=autor,
        cancelada_em=row.cancelada_em,
        motivo=row.motivo,
        por_nucleo=tuple(ContagemNucleo(name, int(may), int(may_not)) for name, may, may_not in counts),
        impedidos=tuple((reason, count) for reason, count in reasons if reason is not None),
    )


def roll_of(assembleia_id: int, *, com_direito: bool) -> Iterator[LinhaConvocado]:
    """The members who may vote, or those who may not, by núcleo and name; read while it is sent."""
    rows = db.session.execute(
        select(Convocado.nome, Convocado.matricula, Convocado.nucleo, Convocado.impedimento)
        .where(Convocado.assembleia_id == assembleia_id, _MAY_VOTE if com_direito else ~_MAY_VOTE)
        .order_by(Convocado.nucleo, Convocado.nome_busca, Convocado.militante_id)
        .execution_options(yield_per=500)
    )
    for row in rows:
        yield LinhaConvocado(row[0], row[1], row[2], row[3])
