"""Data about a militante from a form or an import, and which of it is valid."""

import datetime as dt
import re
from dataclasses import dataclass, replace

from controles.domain import cpf
from controles.domain.domain_errors import Invalid
from controles.domain.field_checks import one_line, past_date
from controles.domain.money import MAX_CENTAVOS, format_brl
from controles.domain.text import search_form

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DadosMilitante:
    """The data of a militante in a form or an import.

    `matricula` None: the next free one for a new militante, unchanged for an existing one. `cpf` None: none for a new
    one, unchanged for an existing one (a form never contains the stored number); "" removes it. `valor_cota` is in
    centavos.
    """

    nome: str
    data_filiacao: dt.date
    matricula: str | None = None
    nome_social: str | None = None
    cpf: str | None = None
    nascimento: dt.date | None = None
    email: str | None = None
    telefone: str | None = None
    nucleo_id: int | None = None
    dia_vencimento: int = 10
    isento: bool = False
    valor_cota: int = 2000


def checked(dados: DadosMilitante, *, hoje: dt.date) -> DadosMilitante:
    """The same data with tidied texts; Invalid names the first field that is not valid."""
    nome = one_line("nome", dados.nome, longest=160)
    if nome is None or not search_form(nome):
        raise Invalid("nome", "Informe o nome do militante.")
    nome_social = one_line("nome_social", dados.nome_social, longest=160)
    if nome_social is not None and not search_form(nome_social):
        raise Invalid("nome_social", "O nome social precisa ter letras; deixe o campo vazio se não houver.")
    past_date("data_filiacao", dados.data_filiacao, hoje=hoje)
    if dados.nascimento is not None:
        past_date("nascimento", dados.nascimento, hoje=hoje)
        if dados.nascimento >= dados.data_filiacao:
            raise Invalid("nascimento", "O nascimento precisa ser anterior à filiação.")
    email = one_line("email", dados.email, longest=254)
    if email is not None and not _EMAIL.fullmatch(email):
        raise Invalid("email", "O e-mail precisa ter a forma nome@exemplo.org.br.")
    if not 1 <= dados.dia_vencimento <= 28:
        raise Invalid("dia_vencimento", "O dia de vencimento vai de 1 a 28, para existir em todos os meses.")
    if not 0 < dados.valor_cota <= MAX_CENTAVOS:
        raise Invalid("valor_cota", f"O valor da cota vai de R$ 0,01 a {format_brl(MAX_CENTAVOS)}.")
    return replace(
        dados,
        nome=nome,
        nome_social=nome_social,
        matricula=one_line("matricula", dados.matricula, longest=20),
        cpf=_cpf(dados.cpf),
        email=email,
        telefone=one_line("telefone", dados.telefone, longest=20),
    )


def _cpf(number: str | None) -> str | None:
    if number is None or not number.strip():
        return None if number is None else ""
    try:
        return cpf.normalise(number)
    except ValueError as error:
        raise Invalid("cpf", str(error)) from error
