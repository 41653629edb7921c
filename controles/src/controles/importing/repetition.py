"""Rows of one file about the same person."""

import datetime as dt
from dataclasses import dataclass, field

from controles.importing.matching import Identity, matricula_key
from controles.militantes.models import Militante


@dataclass(frozen=True, slots=True)
class _Named:
    row: int
    numbered: bool
    nascimento: dt.date | None


@dataclass(slots=True)
class Repetition:
    """Remembers who was in which row. Of two rows about one person only the first is valid."""

    matriculas: dict[str, int] = field(default_factory=dict)
    _cpfs: dict[str, int] = field(default_factory=dict)
    _militantes: dict[int, int] = field(default_factory=dict)
    _names: dict[tuple[str, dt.date], list[_Named]] = field(default_factory=dict)

    def of(self, row: int, identity: Identity, militante: Militante | None) -> dict[str, str]:
        """What `row` repeats, by field; the row is remembered, too."""
        faults: dict[str, str] = {}
        if identity.matricula is not None:
            first = self.matriculas.setdefault(matricula_key(identity.matricula), row)
            if first != row:
                faults["matricula"] = f"Esta matrícula já está na linha {first}; deixe só uma das duas."
        if identity.cpf is not None:
            first = self._cpfs.setdefault(identity.cpf, row)
            if first != row:
                faults["cpf"] = f"Este CPF já está na linha {first}; deixe só uma das duas."
        if militante is not None:
            first = self._militantes.setdefault(militante.id, row)
            if first != row and not faults:
                faults["nome"] = (
                    f"Esta linha e a linha {first} são do mesmo militante, de matrícula {militante.matricula}."
                )
        alike = self._alike(row, identity)
        if alike is not None and not faults:
            faults["nome"] = (
                f"A linha {alike} tem o mesmo nome e a mesma filiação, e uma das duas não tem matrícula nem CPF; "
                "informe-os, se forem duas pessoas, ou deixe só uma."
            )
        return faults

    def _alike(self, row: int, identity: Identity) -> int | None:
        """An earlier row that could be about the same person, since only numbers could distinguish the two."""
        if identity.data_filiacao is None:
            return None
        found = None
        for name in identity.names():
            earlier = self._names.setdefault((name, identity.data_filiacao), [])
            for other in earlier:
                contradicts = None not in (other.nascimento, identity.nascimento) and (
                    other.nascimento != identity.nascimento
                )
                if not contradicts and not (other.numbered and identity.numbered):
                    found = other.row
            earlier.append(_Named(row, identity.numbered, identity.nascimento))
        return found
