"""Which militante of the database a row is about, and when a person has to decide that.

A number alone is not reliable: sheets are numbered 1, 2, 3, and a matrícula can be mistyped. So a row is about the
militante with its matrícula only if name and birth agree, and about the militante with its CPF unless everything else
disagrees. Whatever is neither clearly the same person nor clearly another one is a `Conflito`: nothing is written until
somebody decides.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from controles.domain import cpf
from controles.domain.text import search_form
from controles.importing.cells import Decisao
from controles.militantes.models import Militante
from controles.militantes.searching import MATRICULA_DIGITS

# The longest matrícula that is also looked up with leading zeros.
_MOST_DIGITS = 10
_DECIDE = (
    "Se for a mesma pessoa, escreva “mesma pessoa” numa coluna “decisão”; se for outra, “outra pessoa”, "
    "e ela recebe uma matrícula nova."
)


class Conflito(ValueError):
    """The row could be about another person than it seems: the field that shows this, and a sentence."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class Ambiguous(Conflito):
    """A decision cannot help: the row contradicts itself, or matches several militantes."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a row says about the person; missing fields are None."""

    matricula: str | None
    cpf: str | None
    nome: str | None
    nome_social: str | None
    data_filiacao: dt.date | None
    nascimento: dt.date | None
    email: str | None = None
    decisao: Decisao | None = None

    @property
    def numbered(self) -> bool:
        return self.matricula is not None or self.cpf is not None

    def names(self) -> set[str]:
        """The forms under which the militante may be stored."""
        return {search_form(name)[:160] for name in (self.nome_social, self.nome) if name}


def matricula_key(matricula: str) -> str:
    """Equal for two spellings of one matrícula: a spreadsheet drops a number's leading zeros."""
    if matricula.isascii() and matricula.isdigit():
        return matricula.lstrip("0").zfill(MATRICULA_DIGITS)
    return matricula


def spellings(matricula: str) -> tuple[str, ...]:
    """As written; with as many leading zeros as the application writes; then with any other number of zeros."""
    key = matricula_key(matricula)
    if not (matricula.isascii() and matricula.isdigit()):
        return (matricula,)
    bare = key.lstrip("0")
    padded = (bare.zfill(length) for length in range(max(len(bare), 1), _MOST_DIGITS + 1))
    return tuple(dict.fromkeys((matricula, key, *padded)))


@dataclass(slots=True)
class Known:
    """The militantes of the database that some rows may be about."""

    by_matricula: dict[str, Militante] = field(default_factory=dict)
    by_cpf: dict[bytes, Militante] = field(default_factory=dict)
    by_name: dict[str, list[Militante]] = field(default_factory=dict)

    def find(self, identity: Identity) -> Militante | None:
        """The militante that `identity` means; None if there is none; raises Conflito if it is not clear."""
        digests = () if identity.cpf is None else cpf.vault().digests(identity.cpf)
        by_cpf = next((self.by_cpf[digest] for digest in digests if digest in self.by_cpf), None)
        by_matricula = None if identity.matricula is None else self._by_matricula(identity.matricula)
        if identity.decisao is Decisao.OUTRA:
            return self._somebody_new(by_cpf)
        if by_cpf is not None:
            return self._with_this_cpf(identity, by_cpf, by_matricula)
        if by_matricula is not None:
            return _with_this_matricula(identity, by_matricula)
        return self._by_name(identity)

    @staticmethod
    def _somebody_new(by_cpf: Militante | None) -> None:
        if by_cpf is not None:
            raise Ambiguous(
                "cpf",
                f"A decisão diz outra pessoa, mas este CPF já é {_of(by_cpf)}; corrija o CPF ou apague a decisão.",
            )

    @staticmethod
    def _with_this_cpf(identity: Identity, found: Militante, by_matricula: Militante | None) -> Militante:
        if identity.matricula is not None and by_matricula is not found:
            raise Ambiguous(
                "cpf",
                f"Este CPF já é do militante de matrícula {found.matricula}; corrija o CPF ou use essa matrícula.",
            )
        if identity.decisao is Decisao.MESMA or _could_be(identity, found):
            return found
        raise Conflito(
            "nome",
            f"Este CPF é de {found.nome_exibido}, matrícula {found.matricula}, e a linha diz {identity.nome}. "
            "Se a pessoa mudou de nome, escreva “mesma pessoa” numa coluna “decisão”; se é outra, corrija o CPF.",
        )

    def _by_matricula(self, matricula: str) -> Militante | None:
        found = [self.by_matricula[one] for one in spellings(matricula) if one in self.by_matricula]
        if not found or found[0].matricula in (matricula, matricula_key(matricula)):
            return found[0] if found else None
        if len(found) > 1:
            numbers = ", ".join(sorted(militante.matricula for militante in found))
            raise Ambiguous("matricula", f"A matrícula {matricula} pode ser {numbers}; escreva-a com os zeros.")
        return found[0]

    def _by_name(self, identity: Identity) -> Militante | None:
        """No number matches anybody: find somebody with the same name, and a date or an e-mail address that confirms
        it."""
        alike = {
            militante.id: militante
            for name in identity.names()
            for militante in self.by_name.get(name, ())
            if _may_be_the_same(identity, militante)
        }
        if len(alike) > 1:
            matriculas = ", ".join(sorted(militante.matricula for militante in alike.values()))
            raise Conflito(
                "nome",
                f"Há mais de um militante com este nome e filiação ({matriculas}); informe a matrícula ou o CPF, "
                "ou escreva “outra pessoa” numa coluna “decisão”.",
            )
        found = next(iter(alike.values()), None)
        if found is None or identity.decisao is Decisao.MESMA:
            return found
        if identity.matricula is not None:
            raise Conflito(
                "nome",
                f"Já há um militante com este nome, matrícula {found.matricula}, e a linha diz matrícula "
                f"{identity.matricula}. {_DECIDE}",
            )
        if found.data_filiacao != identity.data_filiacao:
            raise Conflito(
                "data_filiacao",
                f"Já há um militante com este nome, matrícula {found.matricula}, filiado em "
                f"{found.data_filiacao:%d/%m/%Y}. {_DECIDE}",
            )
        return found


def _with_this_matricula(identity: Identity, found: Militante) -> Militante:
    """Nobody has the row's CPF, or it has none: only the matrícula matches `found`."""
    if identity.cpf is not None and found.cpf_hmac is not None:
        raise Ambiguous(
            "matricula", f"A matrícula {found.matricula} já é de um militante com outro CPF; corrija uma das duas."
        )
    if identity.decisao is Decisao.MESMA:
        return found
    if identity.names() and not identity.names() & _names_of(found):
        raise Conflito(
            "nome", f"A matrícula {found.matricula} é {_of(found)}, e a linha diz {identity.nome}. {_DECIDE}"
        )
    if None not in (identity.nascimento, found.nascimento) and identity.nascimento != found.nascimento:
        raise Conflito(
            "nascimento",
            f"A matrícula {found.matricula} é {_of(found)}, que nasceu em {found.nascimento:%d/%m/%Y}, e a linha diz "
            f"{identity.nascimento:%d/%m/%Y}. {_DECIDE}",
        )
    return found


def _could_be(identity: Identity, militante: Militante) -> bool:
    """The CPF is the same; is anything else? People marry or correct a spelling, but rarely change all their names."""
    if not identity.names():
        return True
    same_birth = identity.nascimento is not None and identity.nascimento == militante.nascimento
    first_names = {name.split()[0] for name in identity.names()} & {name.split()[0] for name in _names_of(militante)}
    contradicted = None not in (identity.nascimento, militante.nascimento) and not same_birth
    if identity.names() & _names_of(militante):
        return True
    return same_birth or (bool(first_names) and not contradicted)


def _may_be_the_same(identity: Identity, militante: Militante) -> bool:
    """The name is the same; nothing contradicts, and something else also says that it is the same person."""
    if identity.cpf is not None and militante.cpf_hmac is not None:
        return False
    born, known_born = identity.nascimento, militante.nascimento
    if None not in (born, known_born):
        return born == known_born
    same_email = bool(identity.email) and (identity.email or "").casefold() == (militante.email or "").casefold()
    return same_email or militante.data_filiacao == identity.data_filiacao


def _names_of(militante: Militante) -> set[str]:
    return {search_form(name)[:160] for name in (militante.nome, militante.nome_social) if name}


def _of(militante: Militante) -> str:
    return f"de {militante.nome_exibido}"


def known_among(session: Session, identities: Sequence[Identity]) -> Known:
    """Look up all at once, by index."""
    known = Known()
    matriculas = {way for one in identities if one.matricula is not None for way in spellings(one.matricula)}
    digests = [digest for one in identities if one.cpf is not None for digest in cpf.vault().digests(one.cpf)]
    names = {name for one in identities for name in one.names()}
    for militante in _all(session, Militante.matricula.in_(matriculas)):
        known.by_matricula[militante.matricula] = militante
    for militante in _all(session, Militante.cpf_hmac.in_(digests)):
        assert militante.cpf_hmac is not None
        known.by_cpf[militante.cpf_hmac] = militante
    for militante in _all(session, Militante.nome_busca.in_(names)):
        known.by_name.setdefault(militante.nome_busca, []).append(militante)
    return known


def _all(session: Session, condition: ColumnElement[bool]) -> Iterable[Militante]:
    known = select(Militante).where(condition, Militante.anonimizado_em.is_(None))
    return session.scalars(known.order_by(Militante.id))
