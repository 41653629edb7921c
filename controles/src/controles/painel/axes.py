"""Scales of a chart: round ticks, positions, and amounts beside an axis."""

from dataclasses import dataclass

# Centavos per unit and the unit's name, largest first.
_UNITS = ((100_000_000_000, "bi"), (100_000_000, "mi"), (100_000, "mil"), (100, ""))
# Up to here thousands are written out: "R$ 5.200" says more than "R$ 5,2 mil" and is as short.
_WRITTEN_OUT = 1_000_000


def nice_ticks(low: int, high: int, *, count: int = 5) -> tuple[int, ...]:
    """Round numbers at equal steps that include `low` and `high`; about `count` steps, at least two ticks."""
    span = max(high - low, 1)
    step = _nice_step(span, count)
    first = low // step * step
    last = -(-high // step) * step
    if last == first:
        last = first + step
    return tuple(range(first, last + 1, step))


def _nice_step(span: int, count: int) -> int:
    power = 1
    while True:
        for factor in (1, 2, 5):
            # A factor of 2.5 would give labels with three digits for round thousands.
            if factor * power * count >= span:
                return factor * power
        power *= 10


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values to positions in a drawing: `low` is at `start`, `high` at `end`."""

    low: int
    high: int
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) * (self.end - self.start) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class MoneyUnit:
    """The unit of a money axis."""

    centavos: int
    name: str

    def label(self, centavos: int) -> str:
        """`1_250_000` in R$ mil → "12,5"."""
        text = f"{centavos / self.centavos:,.2f}".rstrip("0").rstrip(".")
        return text.replace(",", " ").replace(".", ",").replace(" ", ".")


def money_unit(largest: int) -> MoneyUnit:
    """The unit in which `largest` centavos have few digits."""
    centavos, name = _unit(largest)
    return MoneyUnit(centavos, f"R$ {name}".rstrip())


def compact_brl(centavos: int) -> str:
    """`1_234_567` → "R$ 12,3 mil": for a label without room for the whole amount."""
    size, name = _unit(abs(centavos))
    if not name:
        return f"R$ {centavos / size:,.0f}".replace(",", ".")
    return f"R$ {centavos / size:.1f}".replace(".", ",").replace(",0", "") + f" {name}"


def _unit(largest: int) -> tuple[int, str]:
    return next(unit for unit in _UNITS if largest >= max(unit[0], _WRITTEN_OUT) or not unit[1])
