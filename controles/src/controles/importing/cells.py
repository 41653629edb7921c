"""What a cell of a spreadsheet says, field by field. Each reader raises ValueError with a sentence in Portuguese."""

import datetime as dt
import re
from collections.abc import Callable

from controles import cpf
from controles.militantes.models import Situacao
from controles.money import parse_brl
from controles.text import search_form

_BRAZILIAN_DATE = re.compile(r"([0-9]{1,2})[/.\-]([0-9]{1,2})[/.\-]([0-9]{4})")
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
# What spreadsheets add to a date that has no time.
_MIDNIGHT = re.compile(r"[T ]0{1,2}:00(:00(\.0+)?)?$")

_YES = frozenset({"sim", "s", "x", "1", "verdadeiro", "true", "yes", "isento", "isenta"})
_NO = frozenset({"nao", "n", "0", "falso", "false", "no"})
_SITUACOES = {
    "ativo": Situacao.ATIVO,
    "ativa": Situacao.ATIVO,
    "licenciado": Situacao.LICENCIADO,
    "licenciada": Situacao.LICENCIADO,
    "desligado": Situacao.DESLIGADO,
    "desligada": Situacao.DESLIGADO,
    "inativo": Situacao.DESLIGADO,
    "inativa": Situacao.DESLIGADO,
}


def read_date(text: str) -> dt.date:
    plain = _MIDNIGHT.sub("", text)
    if match := _BRAZILIAN_DATE.fullmatch(plain):
        day, month, year = map(int, match.groups())
    elif match := _ISO_DATE.fullmatch(plain):
        year, month, day = map(int, match.groups())
    else:
        raise ValueError(f"{_shown(text)} não é uma data; escreva dd/mm/aaaa, com o ano de quatro algarismos.")
    try:
        return dt.date(year, month, day)
    except ValueError:
        raise ValueError(f"{_shown(text)} não existe no calendário; confira o dia e o mês (dd/mm/aaaa).") from None


def read_cpf(text: str) -> str:
    digits = text
    # A spreadsheet that takes it for a number drops the zeros in front.
    if re.fullmatch(r"[0-9]{8,10}", text) and cpf.is_valid(text.zfill(cpf.LENGTH)):
        digits = text.zfill(cpf.LENGTH)
    elif re.fullmatch(r"[0-9][.,][0-9]+E\+[0-9]+", text, re.IGNORECASE):
        raise ValueError("A planilha guardou o CPF como número e perdeu algarismos; formate a coluna como texto.")
    return cpf.normalise(digits)


def read_day(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,2}", text):
        raise ValueError(f"{_shown(text)} não é um dia do mês; escreva um número de 1 a 28.")
    return int(text)


def read_flag(text: str) -> bool:
    word = search_form(text)
    if word not in _YES | _NO:
        raise ValueError(f"{_shown(text)} não é sim nem não; escreva sim ou não.")
    return word in _YES


def read_situacao(text: str) -> Situacao:
    situacao = _SITUACOES.get(search_form(text))
    if situacao is None:
        raise ValueError(f"{_shown(text)} não é uma situação; escreva ativo, licenciado ou desligado.")
    return situacao


def read_text(text: str) -> str:
    return text


READERS: dict[str, Callable[[str], object]] = {
    "nascimento": read_date,
    "data_filiacao": read_date,
    "cpf": read_cpf,
    "dia_vencimento": read_day,
    "isento": read_flag,
    "valor_cota": parse_brl,
    "situacao": read_situacao,
}


def _shown(text: str) -> str:
    return f"“{text if len(text) <= 40 else text[:40] + '…'}”"
