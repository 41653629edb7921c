"""Generates a whole organisation, in batches that limit the memory used."""

import datetime as dt
import random
from collections.abc import Iterator

from controles.domain.cpf import CpfVault
from controles.seed.days import Calendar
from controles.seed.ledger import Ledger
from controles.seed.people import People
from controles.seed.places import places
from controles.seed.profiles import Profile
from controles.seed.rows import Batch, Row, militante_row, nucleo_row, situacao_rows

# Some 60,000 rows: enough for fast writing, and few enough for memory.
MILITANTES_IN_BATCH = 1_000


def nucleo_rows(profile: Profile) -> list[Row]:
    return [nucleo_row(place) for place in places(profile.nucleos)]


def batches(profile: Profile, *, hoje: dt.date, vault: CpfVault) -> Iterator[Batch]:
    """The militantes of `profile` as of `hoje`, in the order in which they joined, with everything that belongs to
    them.

    The same arguments give the same rows; no other source of randomness or time is used.
    """
    # Only random(): of this class, only its sequence is guaranteed never to change.
    source = random.Random(f"{profile.seed}/{profile.nome}").random  # noqa: S311 - nothing secret comes of it
    calendar = Calendar(hoje)
    ledger = Ledger(calendar, source)
    situacao_id = 1
    batch = Batch()
    for person in People(profile, calendar, places(profile.nucleos), source):
        batch.militante.append(militante_row(person, calendar, vault))
        standings = situacao_rows(person, calendar, situacao_id)
        situacao_id += len(standings)
        batch.situacao_historico.extend(standings)
        ledger.write(person, batch)
        if len(batch.militante) == MILITANTES_IN_BATCH:
            yield batch
            batch = Batch()
    if batch.militante:
        yield batch
