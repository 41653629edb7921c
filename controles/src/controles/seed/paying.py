"""When somebody pays which of their cotas."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from controles.seed import profiles
from controles.seed.days import Calendar
from controles.seed.people import Person
from controles.seed.profiles import Delay, Payer

_STEPS = 1000
_DAYS_IN_MONTH = 30.44


class Due(NamedTuple):
    """One cota, billed on the first day of its month."""

    month: int
    billed: int
    due: int


class Visit(NamedTuple):
    """A day on which somebody pays, and the positions of the cotas that they pay."""

    day: int
    cotas: range


def delay_table(curve: Sequence[Delay]) -> tuple[int, ...]:
    """The inverse of the curve: the delay in days at each of a thousand equal steps."""
    table = []
    for step in range(_STEPS):
        share = (step + 0.5) / _STEPS
        below = 0.0
        for part in curve:
            if share <= part.until_share:
                within = (share - below) / (part.until_share - below)
                table.append(part.first + int(within * (part.last - part.first + 1)))
                break
            below = part.until_share
    return tuple(table)


class Paying:
    """Plans a person's payments up to today, by day."""

    def __init__(self, calendar: Calendar, random: Callable[[], float]) -> None:
        self._hoje = calendar.hoje
        self._random = random
        self._on_time = delay_table(profiles.ON_TIME)
        self._late = delay_table(profiles.LATE)

    def plan(self, person: Person, cotas: Sequence[Due]) -> list[Visit]:
        match person.payer:
            case Payer.PUNCTUAL:
                visits = self._month_by_month(cotas, None)
            case Payer.FADING:
                visits = self._month_by_month(cotas, self._stops(person))
            case Payer.QUARTERLY:
                visits = self._by_quarter(cotas, person.id % 3)
            case Payer.IRREGULAR:
                visits = self._oldest_first(cotas)
            case Payer.NEVER:
                return []
        return [visit for visit in visits if visit.day <= self._hoje]

    def _month_by_month(self, cotas: Sequence[Due], stops: int | None) -> list[Visit]:
        random, delays = self._random, self._on_time
        return [
            Visit(max(cota.billed, cota.due + delays[int(random() * _STEPS)]), range(position, position + 1))
            for position, cota in enumerate(cotas)
            if stops is None or cota.due < stops
        ]

    def _by_quarter(self, cotas: Sequence[Due], last: int) -> list[Visit]:
        """Three months in one payment, when the third one is due; `last` (0 to 2) says which months are third ones."""
        visits = []
        first = 0
        for position, cota in enumerate(cotas):
            if cota.month % 3 == last:
                day = cota.due + self._on_time[int(self._random() * _STEPS)]
                visits.append(Visit(max(cota.billed, day), range(first, position + 1)))
                first = position + 1
        return visits

    def _oldest_first(self, cotas: Sequence[Due]) -> list[Visit]:
        """One payment for each cota, with a delay for each, but always for the oldest open cota."""
        random, delays = self._random, self._late
        days = sorted(max(cota.billed, cota.due + delays[int(random() * _STEPS)]) for cota in cotas)
        visits = []
        paid = billed = due = 0
        for day in days:
            while billed < len(cotas) and cotas[billed].billed <= day:
                billed += 1
            if paid == billed:
                continue
            until = paid + 1
            if random() < profiles.CATCHES_UP:
                while due < len(cotas) and cotas[due].due <= day:
                    due += 1
                until = max(until, due)
            visits.append(Visit(day, range(paid, until)))
            paid = until
        return visits

    def _stops(self, person: Person) -> int | None:
        """The day after which a member who fades away pays nothing more."""
        if person.left is None and self._random() >= profiles.FADED:
            return None
        months = -math.log(1.0 - self._random()) * profiles.FADED_MONTHS
        return (person.left or self._hoje) - int(months * _DAYS_IN_MONTH)
