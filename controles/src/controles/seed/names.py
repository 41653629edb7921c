"""Invented people's names, with the frequencies of Brazil's censuses."""

from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from controles.domain.text import search_form
from controles.seed.name_tables import FEMALE, MALE, SURNAMES

COMPOUND_GIVEN_NAME = 0.25
PARTICLE = 0.35
THREE_SURNAMES = 0.35
NOME_SOCIAL = 0.01
HOMONYM = 0.006

_PEOPLE = 10_000
# Names with at least this share keep it exactly; rarer ones get more, to represent the thousands that no table lists.
_COMMON = 100.0
_UNLISTED = 4.0
_SURNAMES_EACH = 2 + THREE_SURNAMES


@dataclass(frozen=True, slots=True)
class Name:
    nome: str
    nome_social: str | None
    nome_busca: str
    # The local part of an e-mail address: first and last name.
    handle: str


def read_table(table: str) -> tuple[list[str], list[float]]:
    """The words of a table, and how many of 10,000 people have each name."""
    words: list[str] = []
    weights: list[float] = []
    for item in table.split():
        if item.isdecimal():
            weights[-1] = float(item)
        else:
            words.append(item)
            weights.append(_UNLISTED)
    return words, weights


class Names:
    """Draws names with `random`, which returns numbers in [0, 1)."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        female, male = read_table(FEMALE), read_table(MALE)
        scaled = _fill(female[1] + male[1], _PEOPLE)
        self._women = _Wheel(female[0], scaled[: len(female[0])])
        self._men = _Wheel(male[0], scaled[len(female[0]) :])
        words, shares = read_table(SURNAMES)
        # A share counts people, and a person has two or three surnames.
        chances = [_PEOPLE * (1 - (1 - share / _PEOPLE) ** (1 / _SURNAMES_EACH)) for share in shares]
        chances = _fill(chances, _PEOPLE)
        self._surnames = _Wheel(words, chances)
        # Some people have no surname that takes a particle, so the others need one more often.
        usual = sum(chance for word, chance in zip(words, chances, strict=True) if "." in word) / sum(chances)
        self._particle = PARTICLE / (1 - (1 - usual) ** _SURNAMES_EACH)
        self._previous: Name | None = None

    def draw(self) -> Name:
        """The next person's name."""
        random = self._random
        if self._previous is not None and random() < HOMONYM:
            return self._previous
        total = self._women.total + self._men.total
        given, other = self._women, self._men
        if random() * total >= self._women.total:
            given, other = other, given
        first = given.draw(random())
        chosen = [first]
        if random() < COMPOUND_GIVEN_NAME:
            second = given.draw(random())
            if second != first:
                chosen.append(second)
        surnames = self._draw_surnames()
        family = " ".join(surnames)
        nome = f"{' '.join(chosen)} {family}"
        nome_social = f"{other.draw(random())} {family}" if random() < NOME_SOCIAL else None
        shown = nome_social or nome
        form = search_form(shown)
        parts = form.split()
        self._previous = Name(nome, nome_social, form, f"{parts[0]}.{parts[-1]}")
        return self._previous

    def _draw_surnames(self) -> list[str]:
        random = self._random
        wanted = 3 if random() < THREE_SURNAMES else 2
        drawn: list[str] = []
        while len(drawn) < wanted:
            word = self._surnames.draw(random())
            if word not in drawn:
                drawn.append(word)
        with_particle = -1
        usual = [position for position, word in enumerate(drawn) if "." in word]
        if usual and random() < self._particle:
            with_particle = usual[int(random() * len(usual))]
        return [_written(word, position == with_particle) for position, word in enumerate(drawn)]


class _Wheel:
    """Words with weights, for drawing one at random."""

    def __init__(self, words: list[str], weights: list[float]) -> None:
        self._words = words
        self._bounds = list(accumulate(weights))
        self.total = self._bounds[-1]

    def draw(self, turn: float) -> str:
        """The word for `turn`, a number in [0, 1)."""
        return self._words[bisect(self._bounds, turn * self.total, hi=len(self._words) - 1)]


def _fill(weights: list[float], total: float) -> list[float]:
    """`weights` with rare ones increased, never above a more common one, until all add up to `total`."""

    def raised(power: float) -> list[float]:
        return [weight if weight >= _COMMON else _COMMON * (weight / _COMMON) ** power for weight in weights]

    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(raised(middle)) > total else (low, middle)
    return raised(low)


def _written(word: str, with_particle: bool) -> str:
    particle, _, surname = word.rpartition(".")
    return f"{particle} {surname}" if with_particle else surname
