"""Finding the person whose money a row is about. Nothing is guessed: an unclear row becomes a question, with possible
answers, to whoever imports.

A row is matched by its CPF, else its matrícula, else its name; and everything else that it says about the person has to
agree. Unlike a member's own data, a payment may also belong to nobody known, or be left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.domain import cpf
from controles.domain.text import search_form
from controles.importing.matching import matricula_key, spellings
from controles.militantes.models import Militante

# The answers about a row: it belongs to this person, to nobody known, or is not to be written; and: it is not the same
# payment as the similar one. Joined by "+", since a row can have two questions.
PERSON, UNIDENTIFIED, LEAVE, ANOTHER = "m:", "n", "x", "o"
JOINED = "+"
Options = tuple[tuple[str, str], ...]

_LEAVE_OUT = (LEAVE, "Não gravar esta linha")
_NOBODYS = (UNIDENTIFIED, "Gravar sem identificar")
# For how many unknown names suggestions are looked up, and how many people are suggested for each.
_SUGGESTIONS, _MOST_CHOICES = 300, 6


@dataclass(frozen=True, slots=True)
class Payer:
    """A militante, as a row can refer to one."""

    id: int
    matricula: str
    nome: str
    names: tuple[str, ...]
    cpf_hmac: bytes | None

    @property
    def shown(self) -> str:
        return f"{self.nome}, matrícula {self.matricula}"


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says about the person; None where it says nothing."""

    matricula: str | None = None
    cpf: str | None = None
    nome: str | None = None
    # The answer from the page.
    decisao: str | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple((self.decisao or "").split(JOINED)) if self.decisao else ()

    @property
    def person(self) -> int | None:
        """The militante that somebody chose."""
        chosen = next((part.removeprefix(PERSON) for part in self.parts if part.startswith(PERSON)), "")
        return int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 10 else None


class Doubt(ValueError):
    """It is unclear whose this is: the field to ask about, a sentence, and the possible answers."""

    def __init__(self, field_name: str, message: str, options: Options) -> None:
        super().__init__(message)
        self.field = field_name
        self.message = message
        self.options = options


@dataclass(slots=True)
class Payers:
    """The militantes that some rows may refer to."""

    by_id: dict[int, Payer] = field(default_factory=dict)
    by_matricula: dict[str, Payer] = field(default_factory=dict)
    by_cpf: dict[bytes, Payer] = field(default_factory=dict)
    by_name: dict[str, list[Payer]] = field(default_factory=dict)
    alike: dict[str, list[Payer]] = field(default_factory=dict)

    def find(self, said: Said, *, nobodys: bool) -> Payer | None:
        """Whose the row is; None if the answer was that it is nobody's known. Raises Doubt if it is unclear.

        `nobodys`: whether it may be written without a person.
        """
        if said.person is not None and said.person in self.by_id:
            return self.by_id[said.person]
        if nobodys and UNIDENTIFIED in said.parts:
            return None
        otherwise = (*((_NOBODYS,) if nobodys else ()), _LEAVE_OUT)
        named = self.by_name.get(search_form(said.nome)[:160], []) if said.nome else []
        by_matricula = self._by_matricula(said.matricula)
        if said.cpf is not None:
            digests = cpf.vault().digests(said.cpf)
            by_cpf = next((self.by_cpf[one] for one in digests if one in self.by_cpf), None)
            others = [one for one in (by_matricula, *named) if one is not None]
            if by_cpf is not None:
                return _agreeing(said, by_cpf, by_matricula, others, otherwise)
            known = [one for one in others if one.cpf_hmac is not None]
            if known or not others:
                raise Doubt("cpf", _cpf_of_nobody(known), (*_choices(others), *otherwise))
        if by_matricula is not None:
            if said.nome is None or _same_person(said.nome, by_matricula):
                return by_matricula
            raise Doubt(
                "nome",
                f"A matrícula {by_matricula.matricula} é de {by_matricula.nome}, e a linha diz {said.nome}.",
                (*_choices([by_matricula, *named]), *otherwise),
            )
        if said.matricula is not None:
            raise Doubt(
                "matricula",
                f"Não há militante com a matrícula {said.matricula}.",
                (*_choices(named or self._may_be(said.nome)), *otherwise),
            )
        return self._by_name(said, named, otherwise)

    def _by_matricula(self, matricula: str | None) -> Payer | None:
        found = [self.by_matricula[one] for one in spellings(matricula or "") if one in self.by_matricula]
        exact = [one for one in found if matricula in (one.matricula, matricula_key(one.matricula))]
        # 7 may be 007 or 0007; the name decides between them.
        chosen = exact or (found if len(found) == 1 else [])
        return chosen[0] if chosen else None

    def _by_name(self, said: Said, named: Sequence[Payer], otherwise: Options) -> Payer:
        if len(named) == 1:
            return named[0]
        if named:
            raise Doubt("nome", f"Há {len(named)} militantes com o nome {said.nome}.", (*_choices(named), *otherwise))
        raise Doubt(
            "nome", f"Não há militante com o nome {said.nome}.", (*_choices(self._may_be(said.nome)), *otherwise)
        )

    def _may_be(self, nome: str | None) -> list[Payer]:
        return self.alike.get(search_form(nome), []) if nome else []


def payers_among(session: Session, rows: Iterable[Said], budget: list[int]) -> Payers:
    """Look up all at once, by index. `budget`: for how many names suggestions may still be looked up."""
    said = list(rows)
    payers = Payers()
    matriculas = {way for one in said if one.matricula for way in spellings(one.matricula)}
    digests = [digest for one in said if one.cpf for digest in cpf.vault().digests(one.cpf)]
    names = {search_form(one.nome)[:160] for one in said if one.nome}
    chosen = [one.person for one in said if one.person is not None]
    for payer in _read(session, Militante.matricula.in_(matriculas)):
        payers.by_matricula[payer.matricula] = payer
    for payer in _read(session, Militante.cpf_hmac.in_(digests)):
        assert payer.cpf_hmac is not None
        payers.by_cpf[payer.cpf_hmac] = payer
    for payer in _read(session, Militante.nome_busca.in_(names)):
        payers.by_name.setdefault(payer.names[0], []).append(payer)
    payers.by_id = {one.id: one for one in _read(session, Militante.id.in_(chosen))} if chosen else {}
    for name in sorted(names - set(payers.by_name)):
        words = name.split()
        if budget[0] > 0 and len(words) > 1:
            budget[0] -= 1
            first, last = words[0], words[-1]
            # Begins with the first word, so that the index can be used.
            payers.alike[name] = list(
                _read(session, Militante.nome_busca.like(f"{_plain(first)} %{_plain(last)}", escape="!"), _MOST_CHOICES)
            ) or list(_read(session, Militante.nome_busca.like(f"{_plain(first)} {_plain(words[1])}%", escape="!"), 3))
    return payers


def new_budget() -> list[int]:
    return [_SUGGESTIONS]


def _read(session: Session, condition: object, limit: int | None = None) -> Iterable[Payer]:
    wanted = (
        select(
            Militante.id,
            Militante.matricula,
            Militante.nome,
            Militante.nome_social,
            Militante.nome_busca,
            Militante.cpf_hmac,
        )
        .where(condition)  # type: ignore[arg-type]
        .order_by(Militante.id)
        .limit(limit)
    )
    for row in session.execute(wanted):
        names = dict.fromkeys((row.nome_busca, search_form(row.nome)[:160]))
        yield Payer(row.id, row.matricula, row.nome_social or row.nome, tuple(names), row.cpf_hmac)


def _plain(word: str) -> str:
    return "".join(f"!{sign}" if sign in "!%_" else sign for sign in word)


def _agreeing(
    said: Said, by_cpf: Payer, by_matricula: Payer | None, others: Sequence[Payer], otherwise: Options
) -> Payer:
    if said.matricula is not None and by_matricula is not None and by_matricula.id != by_cpf.id:
        raise Doubt(
            "cpf",
            f"O CPF é de {by_cpf.shown}, e a matrícula {by_matricula.matricula}, de {by_matricula.nome}.",
            (*_choices([by_cpf, *others]), *otherwise),
        )
    if said.nome is None or _same_person(said.nome, by_cpf):
        return by_cpf
    raise Doubt(
        "nome",
        f"O CPF é de {by_cpf.shown}, e a linha diz {said.nome}.",
        (*_choices([by_cpf, *others]), *otherwise),
    )


def _same_person(nome: str, payer: Payer) -> bool:
    """Whether two names can be the same person's: people shorten their names and omit particles, but keep the first
    name and at least one other."""
    said = search_form(nome).split()
    for name in payer.names:
        known = name.split()
        if said == known:
            return True
        shorter, longer = (set(said), set(known)) if len(said) <= len(known) else (set(known), set(said))
        if said[:1] == known[:1] and len(shorter) > 1 and shorter <= longer:
            return True
    return False


def _cpf_of_nobody(known: Sequence[Payer]) -> str:
    if known:
        return f"Este CPF não é de nenhum militante, e {known[0].shown} tem outro; talvez outra pessoa tenha pago."
    return "Este CPF não é de nenhum militante."


def _choices(payers: Iterable[Payer]) -> Options:
    found: Mapping[int, Payer] = {payer.id: payer for payer in payers}
    return tuple((f"{PERSON}{payer.id}", f"É de {payer.shown}") for payer in list(found.values())[:_MOST_CHOICES])
