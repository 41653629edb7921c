"""A militante's cotas, payments, estornos and allocations."""

from collections.abc import Callable
from dataclasses import dataclass, field

from controles.seed import profiles
from controles.seed.days import Calendar
from controles.seed.paying import Due, Paying
from controles.seed.people import Choice, Person
from controles.seed.rows import Batch

_WHY_WAIVED = ("Dificuldade financeira", "Desemprego", "Doença na família")
_WHY_WAIVED_ON_LEAVING = "Desligamento"
_WHY_REVERSED = (
    "Valor digitado errado",
    "Lançado para outra pessoa",
    "PIX devolvido pelo banco",
    "Pagamento em duplicidade",
    "Boleto não compensado",
)
_OTHER_PAYERS = ("Pago por cônjuge", "Pago por familiar", "Pago por colega do núcleo")
_UNIDENTIFIED = "Crédito sem identificação no extrato"
# A number that no bank has.
_FAKE_BANK = "99999999"
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"

# One random number decides what is special about a payment: at most one thing.
_ESTORNO = profiles.ESTORNO
_OVERPAID = _ESTORNO + profiles.OVERPAID
_PARTIAL = _OVERPAID + profiles.PARTIAL
_OTHER_PAYER = _PARTIAL + profiles.OTHER_PAYER
_UNIDENTIFIED_TOO = _OTHER_PAYER + profiles.UNIDENTIFIED


@dataclass(slots=True)
class _Account:
    """One militante's ledger while it is being written."""

    person: Person
    first_cota_id: int
    # The centavos paid of each cota, by position.
    paid: list[int]
    # What is still to be paid of earlier cotas: from which day, of which cota, how much.
    owed: list[tuple[int, int, int]] = field(default_factory=list)


class Ledger:
    """Writes into batches, and numbers every row, starting at 1."""

    def __init__(self, calendar: Calendar, random: Callable[[], float]) -> None:
        self._calendar = calendar
        self._random = random
        self._paying = Paying(calendar, random)
        self._methods = Choice(profiles.OTHER_METHODS)
        self._first_month = calendar.month - profiles.MONTHS_OF_COTAS + 1
        self._bank_ids_since = calendar.first_day[calendar.month - profiles.MONTHS_OF_BANK_IDS + 1]
        self._cota_id = 0
        self._pagamento_id = 0
        self._alocacao_id = 0
        self._pix_habit = 0.0
        self._other_method = ""

    def write(self, person: Person, batch: Batch) -> None:
        """Append to `batch` everything that happened to `person` up to today."""
        random = self._random
        cotas = [] if person.exempt else self._billed(person)
        if not cotas:
            return
        self._pix_habit, self._other_method = random(), self._methods.at(random())
        account = _Account(person, self._cota_id + 1, [0] * len(cotas))
        self._cota_id += len(cotas)
        waived = {position for position in range(len(cotas)) if random() < profiles.WAIVED}
        forgiven = person.left is not None and random() < profiles.WAIVED_ON_LEAVING
        positions = [position for position in range(len(cotas)) if position not in waived]
        for day, visited in self._paying.plan(person, [cotas[position] for position in positions]):
            if forgiven and person.left is not None and day > person.left:
                break
            self._receive(account, day, [positions[index] for index in visited], batch)
        self._write_cotas(account, cotas, waived, forgiven, batch)

    def _billed(self, person: Person) -> list[Due]:
        """From the month after joining, the months in which the person is a member and not on leave."""
        calendar = self._calendar
        first_day = calendar.first_day
        first = max(self._first_month, calendar.month_of[person.joined] + 1)
        last = calendar.month if person.left is None else calendar.month_of[person.left]
        billed = [
            Due(month, first_day[month], first_day[month] + person.due_day - 1) for month in range(first, last + 1)
        ]
        for leave in person.leaves:
            billed = [
                due for due in billed if due.billed < leave.start or (leave.end is not None and due.billed >= leave.end)
            ]
        return billed

    def _receive(self, account: _Account, day: int, positions: list[int], batch: Batch) -> None:
        """One payment for these cotas and for earlier debts, with what may go wrong with it."""
        random, valor = self._random, account.person.valor
        parts = dict.fromkeys(positions, valor)
        if account.owed:
            self._add_owed(account, day, parts)
        turn = random()
        extra = 0
        observacao = None
        if _OVERPAID <= turn < _PARTIAL:
            last = positions[-1]
            whole = parts[last]
            parts[last] = whole * (30 + int(random() * 41)) // 10_000 * 100
            account.owed.append((day + 1, last, whole - parts[last]))
        elif _ESTORNO <= turn < _OVERPAID:
            extra = valor if random() < 0.5 else 500
        elif _PARTIAL <= turn < _OTHER_PAYER:
            observacao = _pick(_OTHER_PAYERS, random())
        elif _OTHER_PAYER <= turn < _UNIDENTIFIED_TOO:
            self._pagamento(batch, None, day, valor, self._method(day), observacao=_UNIDENTIFIED)
        method = self._method(day)
        payment = self._pay(account, day, parts, extra, method, observacao, batch)
        if turn < _ESTORNO:
            self._reverse(account, payment, day + 1 + int(random() * 20), parts, method, batch)

    def _add_owed(self, account: _Account, day: int, parts: dict[int, int]) -> None:
        later = []
        for since, position, centavos in account.owed:
            if since > day:
                later.append((since, position, centavos))
            else:
                parts[position] = parts.get(position, 0) + centavos
        account.owed = later

    def _pay(
        self,
        account: _Account,
        day: int,
        parts: dict[int, int],
        extra: int,
        method: str,
        observacao: str | None,
        batch: Batch,
    ) -> int:
        """Write a payment with its allocations; returns its id. `extra` stays credit."""
        valor = sum(parts.values()) + extra
        payment = self._pagamento(batch, account.person.id, day, valor, method, observacao=observacao)
        self._allocate(account, payment, parts, 1, batch)
        return payment

    def _reverse(
        self, account: _Account, payment: int, day: int, parts: dict[int, int], method: str, batch: Batch
    ) -> None:
        """Reverse `payment` on `day`, unless that day is in the future; then it is registered again or owed again."""
        if day > self._calendar.hoje:
            return
        valor = sum(parts.values())
        reason = _pick(_WHY_REVERSED, self._random())
        estorno = self._pagamento(batch, account.person.id, day, valor, method, estorna=payment, motivo=reason)
        self._allocate(account, estorno, parts, -1, batch)
        if self._random() < profiles.ESTORNO_REGISTERED_AGAIN:
            self._pay(account, day, parts, 0, method, None, batch)
        else:
            account.owed.extend((day + 1, position, centavos) for position, centavos in parts.items())

    def _pagamento(
        self,
        batch: Batch,
        militante_id: int | None,
        day: int,
        valor: int,
        method: str,
        *,
        estorna: int | None = None,
        motivo: str | None = None,
        observacao: str | None = None,
    ) -> int:
        self._pagamento_id += 1
        identity = self._pagamento_id
        calendar = self._calendar
        date = calendar.iso[day]
        minute = int(self._random() * 600)
        e2eid = None
        if method == "pix" and estorna is None and day >= self._bank_ids_since:
            clock = f"{8 + minute // 60:02d}{minute % 60:02d}"
            e2eid = f"E{_FAKE_BANK}{date.replace('-', '')}{clock}{_base36(identity)}"
        # Entered during the day, Brazilian time; today's payments were registered at the beginning of the day.
        hour = 3 if day == calendar.hoje else 11 + minute // 60
        registered = f"{date} {hour:02d}:{minute % 60:02d}:00.000000"
        batch.pagamento.append(
            (identity, militante_id, date, valor, method, e2eid, estorna, motivo, observacao, registered)
        )
        return identity

    def _allocate(self, account: _Account, payment: int, parts: dict[int, int], sign: int, batch: Batch) -> None:
        first, paid, rows = account.first_cota_id, account.paid, batch.alocacao
        identity = self._alocacao_id
        for position, centavos in parts.items():
            identity += 1
            paid[position] += sign * centavos
            rows.append((identity, payment, first + position, sign * centavos))
        self._alocacao_id = identity

    def _method(self, day: int) -> str:
        """People mostly keep their way of paying; each year more of them change to PIX."""
        random = self._random
        habit = self._pix_habit if random() < profiles.SAME_METHOD_AGAIN else random()
        year = self._calendar.month_of[day] // 12
        pix = profiles.PIX_BY_YEAR.get(year, 0.0 if year < min(profiles.PIX_BY_YEAR) else profiles.PIX_LATER)
        return "pix" if habit < pix else self._other_method

    def _write_cotas(self, account: _Account, cotas: list[Due], waived: set[int], forgiven: bool, batch: Batch) -> None:
        person, paid, rows = account.person, account.paid, batch.cota
        iso, valor, identity = self._calendar.iso, account.person.valor, account.first_cota_id
        for position, (_, billed, due) in enumerate(cotas):
            when = why = None
            if position in waived:
                when, why = iso[billed], _pick(_WHY_WAIVED, self._random())
            elif forgiven and person.left is not None and paid[position] < valor:
                when, why = iso[person.left], _WHY_WAIVED_ON_LEAVING
            rows.append((identity + position, person.id, iso[billed], valor, iso[due], paid[position], when, why))


def _pick(values: tuple[str, ...], turn: float) -> str:
    return values[int(turn * len(values))]


def _base36(number: int) -> str:
    """Eleven letters and digits, different for each number."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return digits.rjust(11, "0")
