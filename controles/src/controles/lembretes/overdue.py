"""What several militantes owe today, in one statement."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.cotas.conditions import is_overdue
from controles.cotas.models import Cota


def overdue_of(
    session: Session, militante_ids: Sequence[int], hoje: dt.date
) -> dict[int, tuple[tuple[dt.date, ...], int]]:
    """Each one's overdue competências, oldest first, and their centavos; without those who owe nothing."""
    if not militante_ids:
        return {}
    months: dict[int, list[dt.date]] = defaultdict(list)
    sums: dict[int, int] = defaultdict(int)
    rows = session.execute(
        select(Cota.militante_id, Cota.competencia, Cota.valor - Cota.pago)
        .where(Cota.militante_id.in_(militante_ids), is_overdue(hoje))
        .order_by(Cota.militante_id, Cota.competencia)
    )
    for militante_id, competencia, centavos in rows:
        months[militante_id].append(competencia)
        sums[militante_id] += centavos
    return {militante_id: (tuple(found), sums[militante_id]) for militante_id, found in months.items()}
