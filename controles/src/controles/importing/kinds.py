"""What can be imported: for each kind of file its vocabulary, and the functions that check, write and undo it."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy.orm import Session

from controles.importing.balances import import_saldos, review_saldos, undo_saldos
from controles.importing.models import ImportacaoLinha, Tipo
from controles.importing.money_words import BALANCE_FIELDS, BALANCES, PAYMENT_FIELDS, PAYMENTS
from controles.importing.payments import import_pagamentos, review_pagamentos, undo_pagamentos
from controles.importing.people_words import PEOPLE, PEOPLE_FIELDS
from controles.importing.services import Hints, Listener, Resumo, import_militantes, review_militantes
from controles.importing.undoing import Undone, undo_militantes
from controles.importing.vocabulary import Vocabulary


class Review(Protocol):
    def __call__(self, path: Path, *, hoje: dt.date, listener: Listener, hints: Hints) -> Resumo: ...


class Write(Protocol):
    def __call__(
        self,
        path: Path,
        *,
        valid_only: bool,
        autor_id: int | None,
        agora: dt.datetime,
        hoje: dt.date,
        listener: Listener,
        hints: Hints,
    ) -> Resumo: ...


Undo = Callable[[Session, Sequence[ImportacaoLinha], str, int | None, dt.datetime], Undone]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of file. `fields`: the fields that a column can have, with their names on the page."""

    words: Vocabulary
    fields: Mapping[str, str]
    review: Review
    write: Write
    undo: Undo


KINDS: Mapping[Tipo, Kind] = {
    Tipo.MILITANTES: Kind(
        words=PEOPLE,
        fields=PEOPLE_FIELDS,
        review=review_militantes,
        write=import_militantes,
        undo=undo_militantes,
    ),
    Tipo.PAGAMENTOS: Kind(
        words=PAYMENTS,
        fields=PAYMENT_FIELDS,
        review=review_pagamentos,
        write=import_pagamentos,
        undo=undo_pagamentos,
    ),
    Tipo.SALDOS: Kind(
        words=BALANCES,
        fields=BALANCE_FIELDS,
        review=review_saldos,
        write=import_saldos,
        undo=undo_saldos,
    ),
}
