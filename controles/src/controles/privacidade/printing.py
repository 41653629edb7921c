"""A person's data as files: JSON for another program, and a PDF to read."""

import datetime as dt
import json
from typing import Any

from controles.domain.clock import LOCAL_ZONE
from controles.domain.money import format_brl
from controles.impressos.paper import INK_2, LINE, Heading, Paper, printable
from controles.organizacao.records import DadosOrganizacao
from controles.privacidade.records import Campo, Celula, DadosPessoais, Secao, Tipo
from controles.recibos.contents import heading_lines

# A section with one row is read more easily as a list of facts.
_FACTS = "cadastro"


def as_json(dados: DadosPessoais, organisation: DadosOrganizacao, *, made_at: dt.datetime) -> bytes:
    """One list for each section; money in centavos, days and instants in ISO 8601."""
    content: dict[str, Any] = {
        "formato": "controles/dados-pessoais/1",
        "organizacao": organisation.nome,
        "emitido_em": made_at.astimezone(LOCAL_ZONE).isoformat(timespec="seconds"),
        **{secao.nome: [_as_object(secao, row) for row in secao.linhas] for secao in dados.secoes},
    }
    return json.dumps(content, ensure_ascii=False, indent=2).encode()


def as_pdf(dados: DadosPessoais, organisation: DadosOrganizacao, *, made_at: dt.datetime) -> bytes:
    """The same, section by section; sections without rows are named at the end."""
    paper = Paper("Dados pessoais", made_at=made_at)
    paper.foot = f"Dados pessoais · matrícula {dados.matricula}"
    paper.add_page()
    paper.heading(Heading(organisation.nome, heading_lines(organisation)))
    paper.rule()
    paper.ink(15, bold=True)
    paper.line_of("Cópia dos dados pessoais", height=8)
    paper.ink(9.5, colour=INK_2)
    paper.line_of(
        f"Tudo o que está guardado sobre {dados.nome}, como pede o art. 18 da Lei 13.709/2018 (LGPD). "
        f"Emitido em {written(Campo('', ''), made_at)}."
    )
    for secao in dados.secoes:
        if secao.linhas:
            _section(paper, secao)
    missing = [secao.titulo.lower() for secao in dados.secoes if not secao.linhas]
    if missing:
        paper.ln(4)
        paper.ink(9.5, colour=INK_2)
        paper.line_of(f"Nada guardado em: {', '.join(missing)}.")
    return paper.whole()


def written(campo: Campo, cell: Celula) -> str:
    """A value for people; a dash for None."""
    match cell:
        case None:
            return "—"
        case bool():
            return "sim" if cell else "não"
        case int() if campo.tipo is Tipo.DINHEIRO:
            return format_brl(cell)
        case dt.datetime():
            return f"{cell.astimezone(LOCAL_ZONE):%d/%m/%Y %H:%M}"
        case dt.date():
            return f"{cell:%d/%m/%Y}"
        case _:
            return printable(str(cell))


def _as_object(secao: Secao, row: tuple[Celula, ...]) -> dict[str, Celula]:
    found: dict[str, Celula] = {}
    for campo, cell in zip(secao.campos, row, strict=True):
        name = f"{campo.nome}_centavos" if campo.tipo is Tipo.DINHEIRO else campo.nome
        match cell:
            case dt.datetime():
                found[name] = cell.astimezone(LOCAL_ZONE).isoformat(timespec="seconds")
            case dt.date():
                found[name] = cell.isoformat()
            case _:
                found[name] = cell
    return found


def _section(paper: Paper, secao: Secao) -> None:
    paper.ln(5)
    paper.ink(11.5, bold=True)
    paper.line_of(secao.titulo, height=7)
    if secao.nome == _FACTS:
        for campo, cell in zip(secao.campos, secao.linhas[0], strict=True):
            paper.fact(campo.titulo, written(campo, cell))
        return
    paper.ink(8)
    paper.set_draw_color(*LINE)
    with paper.table(borders_layout="HORIZONTAL_LINES", line_height=4.6) as table:
        table.row([campo.titulo for campo in secao.campos])
        for row in secao.linhas:
            table.row([written(campo, cell) for campo, cell in zip(secao.campos, row, strict=True)])
