"""How a search term finds militantes: by words of the name, matrícula, complete CPF, telephone, or e-mail."""

from sqlalchemy import ColumnElement, and_, false, literal, or_

from controles.domain import cpf
from controles.domain.contact import email_form, phone_forms_of_term, phones_without_area
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

    A term with an @ is the beginning of an e-mail address. One with a digit is a matrícula, a CPF or a telephone
    number. Names are not searched for either, and both are looked up by index.
    """
    text = clean(termo)
    if "@" in text:
        return has_email(text)
    if any(character.isdigit() for character in text):
        return or_(
            *(condition for condition in (has_matricula(text), has_cpf(text), has_phone(text)) if condition is not None)
        )
    words = search_form(text).split()[:MOST_WORDS]
    if not words:
        return has_matricula(text) if text else false()
    by_name = and_(*(_has_word(word) for word in words))
    return or_(has_matricula(text), by_name) if " " not in text else by_name


def name_starts_with(termo: str) -> ColumnElement[bool] | None:
    """The militantes whose name begins with `termo`: a range of the name index. None if no name can begin so."""
    start = search_form(clean(termo))
    if not start or any(character.isdigit() for character in start):
        return None
    return and_(Militante.nome_busca >= start, Militante.nome_busca < start + _LAST_CHARACTER)


def clean(termo: str) -> str:
    """`termo` without characters that databases refuse, cut to a reasonable length."""
    return "".join(character for character in termo[:LONGEST_TERM] if character.isprintable()).strip()


def has_matricula(text: str) -> ColumnElement[bool]:
    """Whoever has this matrícula, with or without its leading zeros."""
    return Militante.matricula.in_(sorted({text, text.upper(), text.zfill(MATRICULA_DIGITS)}))


def has_cpf(text: str) -> ColumnElement[bool] | None:
    """Whoever has this CPF; None if it is none."""
    return Militante.cpf_hmac.in_(cpf.vault().digests(text)) if cpf.is_valid(text) else None


def has_phone(text: str) -> ColumnElement[bool] | None:
    """Whoever has this telephone number, however both are written; None if it is none."""
    forms = phone_forms_of_term(text)
    if not forms:
        return None
    column = Militante.telefone_busca
    ranges = [and_(column >= form, column < form + _LAST_CHARACTER) for form in forms]
    return or_(*ranges, column.in_(phones_without_area(text)))


def has_email(text: str) -> ColumnElement[bool]:
    """Whoever has an address that begins like this, or nobody if `text` is empty."""
    start = email_form(text)
    if start is None:
        return false()
    return and_(Militante.email_busca >= start, Militante.email_busca < start + _LAST_CHARACTER)


def _has_word(word: str) -> ColumnElement[bool]:
    spaced: ColumnElement[str] = literal(" ") + Militante.nome_busca
    return spaced.contains(" " + word, autoescape=True)
