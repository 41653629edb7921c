"""How values are written for Brazilian readers: filters for templates."""

import datetime as dt
from collections.abc import Sequence

from flask import Flask

from controles.contas.models import Papel
from controles.domain.clock import LOCAL_ZONE
from controles.domain.money import format_brl
from controles.militantes.models import Situacao
from controles.pagamentos.models import Metodo

MONTHS = ("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez")
MONTH_NAMES = (
    "janeiro",
    "fevereiro",
    "março",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
    "dezembro",
)

METODO_NAMES = {
    Metodo.PIX: "PIX",
    Metodo.DINHEIRO: "Dinheiro",
    Metodo.TRANSFERENCIA: "Transferência",
    Metodo.BOLETO: "Boleto",
    Metodo.CARTAO: "Cartão",
    Metodo.FOLHA: "Folha",
    Metodo.OUTRO: "Outro",
}
SITUACAO_NAMES = {Situacao.ATIVO: "Ativo", Situacao.LICENCIADO: "Licenciado", Situacao.DESLIGADO: "Desligado"}
PAPEL_NAMES = {
    Papel.ADMIN: "Administração",
    Papel.TESOURARIA: "Tesouraria",
    Papel.SECRETARIA: "Secretaria",
    Papel.LEITURA: "Leitura",
}


def integer(value: int) -> str:
    """`12345` → "12.345"."""
    return f"{value:,}".replace(",", ".")


def date(value: dt.date | None) -> str:
    """dd/mm/aaaa; a dash for None. An instant is shown as its local day."""
    if value is None:
        return "—"
    if isinstance(value, dt.datetime):
        value = value.astimezone(LOCAL_ZONE).date()
    return f"{value:%d/%m/%Y}"


def competencia(value: dt.date) -> str:
    """`date(2026, 11, 1)` → "nov/2026"."""
    return f"{MONTHS[value.month - 1]}/{value.year}"


def competencia_long(value: dt.date) -> str:
    """`date(2026, 11, 1)` → "novembro de 2026"."""
    return f"{MONTH_NAMES[value.month - 1]} de {value.year}"


def competencias(values: Sequence[dt.date]) -> str:
    """Consecutive months as a span: "set a nov/2025, jan/2026"; a dash if there are none."""
    spans: list[list[dt.date]] = []
    for value in sorted(set(values)):
        if spans and value.year * 12 + value.month == spans[-1][-1].year * 12 + spans[-1][-1].month + 1:
            spans[-1].append(value)
        else:
            spans.append([value])
    return ", ".join(_span(span[0], span[-1]) for span in spans) or "—"


def _span(first: dt.date, last: dt.date) -> str:
    if first == last:
        return competencia(first)
    start = MONTHS[first.month - 1] if first.year == last.year else competencia(first)
    return f"{start} a {competencia(last)}"


def hour(value: dt.datetime) -> str:
    """HH:MM on the local clock."""
    return f"{value.astimezone(LOCAL_ZONE):%H:%M}"


def percent(thousandths: int) -> str:
    """`874` → "87,4%"."""
    whole, tenth = divmod(thousandths, 10)
    return f"{whole},{tenth}%"


def phone(value: str | None) -> str:
    """`11987654321` → "(11) 98765-4321"; numbers of other lengths are left as they were written."""
    if not value:
        return "—"
    digits = "".join(filter(str.isdigit, value))
    if len(digits) not in (10, 11):
        return value
    return f"({digits[:2]}) {digits[2:-4]}-{digits[-4:]}"


def plural(count: int, one: str, many: str) -> str:
    """`plural(2, "mês", "meses")` → "2 meses"."""
    return f"{integer(count)} {one if count == 1 else many}"


def metodo(value: Metodo) -> str:
    return METODO_NAMES[value]


def situacao(value: Situacao) -> str:
    return SITUACAO_NAMES[value]


def papel(value: Papel) -> str:
    return PAPEL_NAMES[value]


def init_app(app: Flask) -> None:
    """Give the templates of `app` these filters."""
    app.jinja_env.filters.update(
        brl=format_brl,
        data=date,
        competencia=competencia,
        competencia_longa=competencia_long,
        competencias=competencias,
        hora=hour,
        inteiro=integer,
        percentual=percent,
        telefone=phone,
        plural=plural,
        metodo=metodo,
        situacao=situacao,
        papel=papel,
    )
