"""The meaning of a spreadsheet's cells, by field. Each reader raises ValueError with a sentence in Portuguese."""

import datetime as dt
import functools
import re
from collections.abc import Callable
from enum import StrEnum

from controles.domain import cpf
from controles.domain.money import parse_brl
from controles.domain.text import search_form
from controles.importing.dates import read_birth, read_date, shown
from controles.militantes.models import Situacao

_PER_MONTH = re.compile(r"\s*(?:reais)?\s*(?:/|por|ao|a cada)?\s*(?:m[eê]s|mensal|mensais|reais)\s*$", re.IGNORECASE)
_LIKE_A_CPF = re.compile(r"(?<![0-9])[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}[-/ ]?[0-9]{2}(?![0-9])")

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
    # The terms used by the electoral court's lists.
    "regular": Situacao.ATIVO,
    "cancelado": Situacao.DESLIGADO,
    "cancelada": Situacao.DESLIGADO,
    "desfiliado": Situacao.DESLIGADO,
    "desfiliada": Situacao.DESLIGADO,
    "excluido": Situacao.DESLIGADO,
    "excluida": Situacao.DESLIGADO,
}


class Decisao(StrEnum):
    """The decision whether a row is about a certain militante of the database."""

    MESMA = "mesma pessoa"
    OUTRA = "outra pessoa"


_DECISOES = {
    "mesma pessoa": Decisao.MESMA,
    "a mesma pessoa": Decisao.MESMA,
    "mesma": Decisao.MESMA,
    "outra pessoa": Decisao.OUTRA,
    "outra": Decisao.OUTRA,
    "nova pessoa": Decisao.OUTRA,
}


def read_cpf(text: str) -> str:
    digits = text
    # A spreadsheet that treats it as a number drops leading zeros.
    if re.fullmatch(r"[0-9]{8,10}", text) and cpf.is_valid(text.zfill(cpf.LENGTH)):
        digits = text.zfill(cpf.LENGTH)
    elif re.fullmatch(r"[0-9][.,][0-9]+E\+[0-9]+", text, re.IGNORECASE):
        raise ValueError("A planilha guardou o CPF como número e perdeu algarismos; formate a coluna como texto.")
    return cpf.normalise(digits)


def read_day(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,2}", text):
        raise ValueError(f"{shown(text)} não é um dia do mês; escreva um número de 1 a 28.")
    return int(text)


def read_flag(text: str) -> bool:
    word = search_form(text)
    if word not in _YES | _NO:
        raise ValueError(f"{shown(text)} não é sim nem não; escreva sim ou não.")
    return word in _YES


def read_situacao(text: str) -> Situacao:
    situacao = _SITUACOES.get(search_form(text))
    if situacao is None:
        raise ValueError(f"{shown(text)} não é uma situação; escreva ativo, licenciado ou desligado.")
    return situacao


def read_name(text: str) -> str:
    """A name and nothing else: personal numbers in it would appear in every list."""
    if "@" in text:
        raise ValueError(
            "Há um e-mail dentro do nome; ponha-o numa coluna própria, ou dê à coluna o nome “nome e e-mail”."
        )
    if _LIKE_A_CPF.search(text):
        raise ValueError("Há um CPF dentro do nome; ponha-o numa coluna própria, ou dê à coluna o nome “nome e CPF”.")
    return text


def read_text(text: str) -> str:
    return text


def read_amount(text: str) -> int:
    """Centavos. People also choose “R$ 20,00 por mês” in a form."""
    return parse_brl(_PER_MONTH.sub("", text))


def read_decision(text: str) -> Decisao:
    """The decision about a row that could be about another person."""
    decisao = _DECISOES.get(search_form(text))
    if decisao is None:
        raise ValueError(f"{shown(text)} não é uma decisão; escreva “mesma pessoa” ou “outra pessoa”.")
    return decisao


def reader(name: str, hoje: dt.date) -> Callable[[str], object]:
    """The reader for cells of this field."""
    match name:
        case "nascimento":
            return functools.partial(read_birth, hoje=hoje)
        case "data_filiacao":
            return functools.partial(read_date, hoje=hoje)
        case _:
            return _READERS.get(name, read_text)


_READERS: dict[str, Callable[[str], object]] = {
    "nome": read_name,
    "cpf": read_cpf,
    "dia_vencimento": read_day,
    "isento": read_flag,
    "valor_cota": read_amount,
    "situacao": read_situacao,
    "decisao": read_decision,
}
