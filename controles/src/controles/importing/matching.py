"""Which militante of the database a row is about."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from controles import cpf
from controles.militantes.models import Militante
from controles.militantes.searching import MATRICULA_DIGITS
from controles.text import search_form


class Ambiguous(ValueError):
    """The row could be about more than one militante; the field that says so, and a sentence."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Identity:
    """What a row says about who it is; a field that it does not say is None."""

    matricula: str | None
    cpf: str | None
    nome: str | None
    nome_social: str | None
    data_filiacao: dt.date | None
    nascimento: dt.date | None

    @property
    def numbered(self) -> bool:
        return self.matricula is not None or self.cpf is not None

    def names(self) -> set[str]:
        """The forms under which the militante may be stored."""
        return {search_form(name)[:160] for name in (self.nome_social, self.nome) if name}


def matricula_key(matricula: str) -> str:
    """Equal for two spellings of one matrícula: a spreadsheet drops the zeros in front of a number."""
    if matricula.isascii() and matricula.isdigit():
        return matricula.lstrip("0").zfill(MATRICULA_DIGITS)
    return matricula


def spellings(matricula: str) -> tuple[str, ...]:
    """As it is written, then with as many zeros in front as the application writes, then with none."""
    key = matricula_key(matricula)
    return (matricula,) if key == matricula == key.lstrip("0") else (matricula, key, key.lstrip("0"))


@dataclass(slots=True)
class Known:
    """The militantes of the database that some rows can be about."""

    by_matricula: dict[str, Militante] = field(default_factory=dict)
    by_cpf: dict[bytes, Militante] = field(default_factory=dict)
    by_name: dict[str, list[Militante]] = field(default_factory=dict)

    def find(self, identity: Identity) -> Militante | None:
        """The one that `identity` means; None if there is none; Ambiguous if its words contradict each other."""
        by_cpf = None if identity.cpf is None else self.by_cpf.get(cpf.vault().digest(identity.cpf))
        if identity.matricula is not None:
            spelled = (self.by_matricula.get(one) for one in spellings(identity.matricula))
            found = next((militante for militante in spelled if militante is not None), None)
            if by_cpf is not None and by_cpf is not found:
                raise Ambiguous(
                    "cpf",
                    f"Este CPF já é do militante de matrícula {by_cpf.matricula}; corrija o CPF ou use essa matrícula.",
                )
            if found is not None and identity.cpf is not None and by_cpf is None and found.cpf_hmac is not None:
                raise Ambiguous(
                    "matricula",
                    f"A matrícula {found.matricula} já é de um militante com outro CPF; corrija uma das duas.",
                )
            return found
        return by_cpf if identity.cpf is not None else self._by_name(identity)

    def _by_name(self, identity: Identity) -> Militante | None:
        """Without a number: the same name and date of joining, and no contradiction in the date of birth."""
        alike = {
            militante.id: militante
            for name in identity.names()
            for militante in self.by_name.get(name, ())
            if militante.data_filiacao == identity.data_filiacao
            and (identity.nascimento is None or militante.nascimento in (None, identity.nascimento))
        }
        if len(alike) > 1:
            matriculas = ", ".join(sorted(militante.matricula for militante in alike.values()))
            raise Ambiguous(
                "nome",
                f"Há mais de um militante com este nome e filiação ({matriculas}); informe a matrícula ou o CPF.",
            )
        return next(iter(alike.values()), None)


def known_among(session: Session, identities: Sequence[Identity]) -> Known:
    """Look up all at once, by index."""
    known = Known()
    matriculas = {way for one in identities if one.matricula is not None for way in spellings(one.matricula)}
    digests = [cpf.vault().digest(one.cpf) for one in identities if one.cpf is not None]
    names = {name for one in identities if not one.numbered for name in one.names()}
    for militante in _all(session, Militante.matricula.in_(matriculas)):
        known.by_matricula[militante.matricula] = militante
    for militante in _all(session, Militante.cpf_hmac.in_(digests)):
        assert militante.cpf_hmac is not None
        known.by_cpf[militante.cpf_hmac] = militante
    for militante in _all(session, Militante.nome_busca.in_(names)):
        known.by_name.setdefault(militante.nome_busca, []).append(militante)
    return known


def _all(session: Session, condition: ColumnElement[bool]) -> Iterable[Militante]:
    return session.scalars(select(Militante).where(condition).order_by(Militante.id))
