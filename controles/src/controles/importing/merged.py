"""A cell with several fields, such as “Maria da Silva <maria@exemplo.org>”, divided by the form of each field."""

import re

_EMAIL = re.compile(r"[^\s<>()\[\],;:|/\"']+@[^\s<>()\[\],;:|/\"']+\.[^\s<>()\[\],;:|/\"'.]+")
_CPF = re.compile(r"(?<![0-9])[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}[-/ ]?[0-9]{2}(?![0-9])")
_DATE = re.compile(r"(?<![0-9])(?:[0-9]{1,2}[/.\-][0-9]{1,2}[/.\-][0-9]{2,4}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})(?![0-9])")
_PHONE = re.compile(r"(?:\+?55[ .-]?)?\(?[0-9]{2}\)?[ .-]?9?[ .-]?[0-9]{4}[ .-]?[0-9]{4}(?![0-9])")
_NUMBER = re.compile(r"(?<![\w])[0-9]{1,12}(?![\w])")
_AMOUNT = re.compile(r"R\$ ?[0-9.]+(?:,[0-9]{1,2})?|[0-9.]+,[0-9]{2}")
# The most distinctive forms come first, so that a telefone is not found inside a CPF.
_SHAPES = (
    ("email", _EMAIL),
    ("cpf", _CPF),
    ("nascimento", _DATE),
    ("data_filiacao", _DATE),
    ("valor_cota", _AMOUNT),
    ("telefone", _PHONE),
    ("matricula", _NUMBER),
)
_SIGNS_BETWEEN = " \t\n<>()[]{},;:|/-–—•\"'"


def split_cell(text: str, fields: tuple[str, ...]) -> dict[str, str]:
    """The fields of `text`. The rest belongs to the one field that has no form of its own, such as the name.

    If only punctuation is left, or no field can take the rest, the first field gets all of it: its reader reports what
    is wrong, so nothing is lost silently.
    """
    found: dict[str, str] = {}
    rest = text
    shaped = [field for field, _ in _SHAPES if field in fields]
    # Two dates are in the order in which the header names them.
    shaped.sort(key=lambda field: (_rank(field), fields.index(field)))
    for field in shaped:
        match = dict(_SHAPES)[field].search(rest)
        if match is not None:
            found[field] = match[0].strip()
            rest = f"{rest[: match.start()]} {rest[match.end() :]}"
    rest = " ".join(rest.split()).strip(_SIGNS_BETWEEN)
    if rest:
        loose = next((field for field in fields if field not in dict(_SHAPES)), fields[0])
        found[loose] = f"{found[loose]} {rest}" if loose in found else rest
    return found


def _rank(field: str) -> int:
    patterns = [pattern for _, pattern in _SHAPES]
    return patterns.index(dict(_SHAPES)[field])
