"""How a search term finds militantes: by words of the name, by matrícula, or by a complete CPF."""

from sqlalchemy import ColumnElement, and_, false, literal, or_

from controles.domain import cpf
from controles.domain.text import search_form
from controles.militantes.models import Militante

LONGEST_TERM = 100
MOST_WORDS = 8

# Matrículas that the application generates are padded with zeros; people leave these out.
MATRICULA_DIGITS = 6

# Sorts after every character that a name can contain.
_LAST_CHARACTER = "\U0010ffff"


def matches(termo: str) -> ColumnElement[bool]:
    """The militantes that `termo` means. Each of its words must begin a word of the name, in any order.

    A term with a digit is a matrícula or a CPF: names are not searched for it, and both are looked up by index.
    """
    text = clean(termo)
    if any(character.isdigit() for character in text):
        return or_(_has_matricula(text), _has_cpf(text)) if cpf.is_valid(text) else _has_matricula(text)
    words = search_form(text).split()[:MOST_WORDS]
    if not words:
        return _has_matricula(text) if text else false()
    by_name = and_(*(_has_word(word) for word in words))
    return or_(_has_matricula(text), by_name) if " " not in text else by_name


def name_starts_with(termo: str) -> ColumnElement[bool] | None:
    """The militantes whose name begins with `termo`: a range of the name index. None if no name can begin so."""
    start = search_form(clean(termo))
    if not start or any(character.isdigit() for character in start):
        return None
    return and_(Militante.nome_busca >= start, Militante.nome_busca < start + _LAST_CHARACTER)


def clean(termo: str) -> str:
    """`termo` without characters that databases refuse, cut to a reasonable length."""
    return "".join(character for character in termo[:LONGEST_TERM] if character.isprintable()).strip()


def _has_matricula(text: str) -> ColumnElement[bool]:
    return Militante.matricula.in_(sorted({text, text.upper(), text.zfill(MATRICULA_DIGITS)}))


def _has_cpf(text: str) -> ColumnElement[bool]:
    return Militante.cpf_hmac.in_(cpf.vault().digests(text))


def _has_word(word: str) -> ColumnElement[bool]:
    spaced: ColumnElement[str] = literal(" ") + Militante.nome_busca
    return spaced.contains(" " + word, autoescape=True)
