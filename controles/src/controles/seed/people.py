"""Who joins, when, where, and whether they stay."""

import datetime as dt
import math
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

from controles.domain.cpf import check_digits
from controles.militantes.models import Situacao
from controles.seed import profiles
from controles.seed.days import Calendar
from controles.seed.names import Name, Names
from controles.seed.places import Place
from controles.seed.profiles import Payer, Profile

# Every invented CPF begins with this, so that nobody takes it for a real one.
FAKE_CPF_PREFIX = "999"
_FAKE_CPFS = 10 ** (9 - len(FAKE_CPF_PREFIX))
# Coprime to the range: each position gives a different number, in no visible order.
_FAKE_CPF_STEP = 386_123

_DAYS_IN_MONTH = 30.44
_YOUNGEST, _OLDEST = 16, 78
_REASONS_TO_LEAVE = ("A pedido", "Mudança de cidade", "Sem contato", "Falecimento", "A pedido", "A pedido")
_REASONS_FOR_LEAVE = ("Licença médica", "Licença-maternidade", "Estudos no exterior", "Motivo pessoal")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spell:
    """A leave; `end` None: it has not ended."""

    start: int
    end: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Person:
    """Days are ordinals, money is in centavos."""

    id: int
    name: Name
    cpf: str | None
    born: int
    email: str | None
    telefone: str | None
    place: Place | None
    situacao: Situacao
    joined: int
    left: int | None
    reason_to_leave: str | None
    leaves: tuple[Spell, ...]
    due_day: int
    exempt: bool
    valor: int
    payer: Payer

    @property
    def matricula(self) -> str:
        return f"{self.id:06d}"


class Choice(Generic[T]):
    """Chooses one of several values, with probabilities by weight."""

    def __init__(self, weighted: Sequence[tuple[T, float]]) -> None:
        self._values = [value for value, _ in weighted]
        self._bounds = list(accumulate(weight for _, weight in weighted))

    def at(self, turn: float) -> T:
        """The value for `turn`, a number in [0, 1)."""
        return self._values[bisect(self._bounds, turn * self._bounds[-1], hi=len(self._values) - 1)]


def fake_cpf(position: int) -> str:
    """The invented CPF for `position`: with valid check digits, and different for each of a million positions."""
    base = f"{FAKE_CPF_PREFIX}{position * _FAKE_CPF_STEP % _FAKE_CPFS:0{9 - len(FAKE_CPF_PREFIX)}d}"
    return base + check_digits(base)


def joins_by_month(total: int, hoje: dt.date) -> list[tuple[int, int]]:
    """(month, joins) for ten years up to `hoje`; the joins add up to `total`."""
    last = hoje.year * 12 + hoje.month - 1
    months = range(last - profiles.MONTHS_OF_JOINS + 1, last + 1)
    weights = []
    for position, month in enumerate(months):
        weight = profiles.JOINS_GROWTH**position
        year, number = divmod(month, 12)
        if number in (11, 0):
            weight *= profiles.JOINS_IN_SUMMER
        elif number in (2, 3) and year % 2 == 0:
            weight *= profiles.JOINS_IN_CAMPAIGNS
        weights.append(weight)
    # The current month has had only a part of its joins.
    weights[-1] *= hoje.day / 31
    scale = total / sum(weights)
    bounds = [round(bound * scale) for bound in accumulate(weights, initial=0.0)]
    return [(month, bounds[position + 1] - bounds[position]) for position, month in enumerate(months)]


def leaving_rate(joins: Sequence[tuple[int, int]]) -> float:
    """The monthly rate of leaving at which the wanted share are still members today."""
    last = joins[-1][0]
    total = sum(count for _, count in joins)

    def staying(rate: float) -> float:
        return sum(count * math.exp(-rate * max(0.0, last - month - 0.5)) for month, count in joins) / total

    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if staying(middle) > profiles.STILL_MEMBERS else (low, middle)
    return low


class People:
    """Draws the militantes of `profile` in the order in which they joined."""

    def __init__(
        self, profile: Profile, calendar: Calendar, places: tuple[Place, ...], random: Callable[[], float]
    ) -> None:
        self._calendar = calendar
        self._random = random
        self._names = Names(random)
        self._joins = joins_by_month(profile.militantes, dt.date.fromordinal(calendar.hoje))
        self._leaving_rate = leaving_rate(self._joins)
        self._places = Choice([(place, place.id**-profiles.NUCLEO_ZIPF) for place in places])
        self._values = Choice(profiles.COTA_VALUES)
        self._due_days = Choice(profiles.DUE_DAYS)
        self._payers = Choice(profiles.PAYERS)
        self._areas = [place.ddd for place in places]

    def __iter__(self) -> Iterator[Person]:
        calendar, random = self._calendar, self._random
        number = 0
        for month, joins in self._joins:
            first = calendar.first_day[month]
            days = min(calendar.first_day[month + 1] - 1, calendar.hoje) - first + 1
            for joined in sorted(first + int(random() * days) for _ in range(joins)):
                number += 1
                yield self._draw(number, joined)

    def _draw(self, number: int, joined: int) -> Person:
        random = self._random
        name = self._names.draw()
        left = self._leaving(joined)
        reason_to_leave = None if left is None else _pick(_REASONS_TO_LEAVE, random())
        leaves = self._leaves(joined, left)
        situacao = Situacao.ATIVO
        if left is not None:
            situacao = Situacao.DESLIGADO
        elif leaves and leaves[-1].end is None:
            situacao = Situacao.LICENCIADO
        place = None if random() < profiles.WITHOUT_NUCLEO else self._places.at(random())
        age = (_YOUNGEST + (_OLDEST - _YOUNGEST) * random() ** 1.6) * 365.25
        area = place.ddd if place else self._areas[0]
        return Person(
            id=number,
            name=name,
            cpf=None if random() < profiles.WITHOUT_CPF else fake_cpf(number),
            born=joined - int(age),
            # example.org is reserved, so no message can reach anybody.
            email=None if random() < profiles.WITHOUT_EMAIL else f"{name.handle}.{number}@example.org",
            # No Brazilian mobile number begins with 90.
            telefone=None if random() < profiles.WITHOUT_TELEFONE else f"{area}90{int(random() * 10**7):07d}",
            place=place,
            situacao=situacao,
            joined=joined,
            left=left,
            reason_to_leave=reason_to_leave,
            leaves=leaves,
            due_day=self._due_days.at(random()),
            exempt=random() < profiles.EXEMPT,
            valor=self._values.at(random()),
            payer=self._payers.at(random()),
        )

    def _leaving(self, joined: int) -> int | None:
        months = -math.log(1.0 - self._random()) / self._leaving_rate
        left = joined + 1 + int(months * _DAYS_IN_MONTH)
        return left if left <= self._calendar.hoje else None

    def _leaves(self, joined: int, left: int | None) -> tuple[Spell, ...]:
        random, hoje = self._random, self._calendar.hoje
        leaves: list[Spell] = []
        days = (left or hoje) - joined
        if days > 600 and random() < profiles.PAST_LEAVE:
            start = joined + 60 + int(random() * (days - 500))
            leaves.append(Spell(start, start + 60 + int(random() * 240), _pick(_REASONS_FOR_LEAVE, random())))
        if left is None and random() < profiles.ON_LEAVE:
            earliest = max(joined + 1, hoje - 330, leaves[-1].end + 1 if leaves and leaves[-1].end else 0)
            if earliest <= hoje:
                start = earliest + int(random() * (hoje - earliest + 1))
                leaves.append(Spell(start, None, _pick(_REASONS_FOR_LEAVE, random())))
        return tuple(leaves)


def _pick(values: tuple[str, ...], turn: float) -> str:
    return values[int(turn * len(values))]
