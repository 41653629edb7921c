"""Receipts and annual statements as PDF. A receipt is printed from its row alone, so it never changes."""

import datetime as dt
from collections.abc import Sequence

from controles.domain.clock import LOCAL_ZONE
from controles.domain.money import format_brl
from controles.domain.money_in_words import in_words
from controles.impressos.paper import BRAND_SOFT, DANGER, INK_2, LINE, Heading, Paper, printable
from controles.organizacao.records import DadosOrganizacao
from controles.recibos.contents import heading_lines
from controles.recibos.records import Demonstrativo, DetalheRecibo
from controles.web.formatting import MONTH_NAMES, competencia, competencias, date, metodo

# Two receipts fit on a sheet.
_HALF = 148.5
_QR_MILLIMETRES = 24


def receipts_pdf(recibos: Sequence[DetalheRecibo], check_address: str) -> bytes:
    """These receipts, two on a sheet. `check_address`: the page where a receipt's code can be checked."""
    title = f"Recibo {recibos[0].nome}" if len(recibos) == 1 else "Recibos"
    paper = Paper(title, made_at=max(recibo.emitido_em for recibo in recibos))
    paper.set_auto_page_break(False)
    for number, recibo in enumerate(recibos):
        lower = number % 2 == 1
        if not lower:
            paper.add_page()
        else:
            paper.set_draw_color(*LINE)
            paper.set_dash_pattern(dash=1.5, gap=1.5)
            paper.line(0, _HALF, paper.w, _HALF)
            paper.set_dash_pattern()
        _receipt(paper, recibo, _HALF if lower else 0.0, check_address)
    return paper.whole()


def _receipt(paper: Paper, recibo: DetalheRecibo, top: float, check_address: str) -> None:
    conteudo = recibo.conteudo
    paper.set_y(top + 14)
    paper.heading(Heading(conteudo.organizacao, conteudo.linhas))
    _number(paper, recibo, top + 14)
    paper.rule()
    paper.ink(11)
    cpf = f", CPF {_written_cpf(recibo.cpf)}" if recibo.cpf else ""
    paper.line_of(
        f"Recebemos de {conteudo.militante} (matrícula {conteudo.matricula}{cpf}) a quantia de "
        f"{format_brl(conteudo.valor)} ({in_words(conteudo.valor)}), em {date(conteudo.data_credito)}, "
        f"por {metodo(conteudo.metodo)}.",
        height=6.2,
    )
    paper.ln(2)
    paper.fact("Referente a", _what_for(recibo))
    paper.fact("Pagamento", f"nº {conteudo.pagamento_id}")
    place = f"{conteudo.municipio}, " if conteudo.municipio else ""
    day = recibo.emitido_em.astimezone(LOCAL_ZONE)
    paper.fact("Emitido", f"{place}{_long_day(day)}")
    bottom = top + _HALF - 14
    paper.set_draw_color(*INK_2)
    paper.line(paper.l_margin, bottom - 8, paper.l_margin + 78, bottom - 8)
    paper.set_xy(paper.l_margin, bottom - 7)
    paper.ink(9, colour=INK_2)
    paper.cell(78, 5, printable(conteudo.organizacao)[:60], align="C")
    _check(paper, recibo.codigo, bottom, check_address)
    if recibo.cancelado_em is not None:
        _cancelled(paper, recibo, top)


def _number(paper: Paper, recibo: DetalheRecibo, y: float) -> None:
    kept = paper.get_y()
    width = 52
    paper.set_xy(paper.w - paper.r_margin - width, y)
    paper.ink(9, colour=INK_2)
    paper.cell(width, 5, "RECIBO", align="R", new_x="LEFT", new_y="NEXT")
    paper.ink(14, bold=True)
    paper.cell(width, 7, recibo.nome, align="R", new_x="LEFT", new_y="NEXT")
    paper.set_fill_color(*BRAND_SOFT)
    paper.ink(12, bold=True)
    paper.cell(width, 9, format_brl(recibo.conteudo.valor), align="R", fill=True)
    paper.set_xy(paper.l_margin, max(kept, y + 22))


def _what_for(recibo: DetalheRecibo) -> str:
    parts = recibo.conteudo.partes
    credit = recibo.conteudo.valor - sum(centavos for _, centavos in parts)
    words = [f"cotas de {competencias([month for month, _ in parts])}"] if parts else []
    if len(parts) == 1:
        words = [f"cota de {competencia(parts[0][0])}"]
    if credit and not parts:
        words = ["contribuição, ainda sem cota: fica como crédito"]
    elif credit:
        words.append(f"{format_brl(credit)} ficam como crédito")
    return "; ".join(words)


def _check(paper: Paper, codigo: str, bottom: float, check_address: str) -> None:
    left = paper.w - paper.r_margin - _QR_MILLIMETRES
    top = bottom - _QR_MILLIMETRES
    paper.qr(f"{check_address}/{codigo}", left, top, size=_QR_MILLIMETRES)
    paper.ink(8, colour=INK_2)
    width = 70
    paper.set_xy(left - width - 3, top + 8)
    paper.cell(width, 4, "Código para conferir", align="R", new_x="LEFT", new_y="NEXT")
    paper.ink(10, bold=True)
    paper.cell(width, 5, written_code(codigo), align="R", new_x="LEFT", new_y="NEXT")
    paper.ink(7.5, colour=INK_2)
    paper.multi_cell(width, 3.6, check_address, align="R")


def _cancelled(paper: Paper, recibo: DetalheRecibo, top: float) -> None:
    paper.set_draw_color(*DANGER)
    paper.set_line_width(0.6)
    paper.rect(paper.l_margin, top + 92, paper.w - paper.l_margin - paper.r_margin, 14)
    paper.set_line_width(0.2)
    paper.set_xy(paper.l_margin, top + 93.5)
    paper.ink(12, bold=True, colour=DANGER)
    paper.cell(0, 6, f"CANCELADO em {date(recibo.cancelado_em)}", align="C", new_x="LMARGIN", new_y="NEXT")
    paper.ink(9, colour=DANGER)
    paper.cell(0, 4.5, printable(recibo.motivo or "")[:110], align="C")


def statements_pdf(
    statements: Sequence[Demonstrativo], organisation: DadosOrganizacao, *, made_at: dt.datetime
) -> bytes:
    """Annual statements, each on a new sheet."""
    ano = statements[0].ano
    paper = Paper(f"Contribuições de {ano}", made_at=made_at)
    head = Heading(organisation.nome, heading_lines(organisation))
    for statement in statements:
        paper.foot = f"{statement.militante} · contribuições de {ano}"
        paper.add_page()
        paper.heading(head)
        paper.rule()
        paper.ink(15, bold=True)
        paper.line_of(f"Demonstrativo de contribuições de {ano}", height=8)
        paper.ln(2)
        paper.fact("Nome", statement.militante)
        paper.fact("Matrícula", statement.matricula)
        if statement.cpf:
            paper.fact("CPF", _written_cpf(statement.cpf))
        paper.ln(3)
        _table(paper, statement)
        paper.ln(3)
        paper.ink(11, bold=True)
        paper.line_of(f"Total recebido em {ano}: {format_brl(statement.total)}")
        paper.ink(10.5)
        paper.line_of(f"({in_words(statement.total)})")
        paper.ln(2)
        paper.ink(9, colour=INK_2)
        paper.line_of(
            f"São os pagamentos recebidos de 01/01/{ano} a 31/12/{ano}, sem os estornados. Emitido em "
            f"{_long_day(made_at.astimezone(LOCAL_ZONE))}."
        )
    return paper.whole()


def _table(paper: Paper, statement: Demonstrativo) -> None:
    paper.ink(9.5)
    paper.set_draw_color(*LINE)
    with paper.table(
        col_widths=(16, 20, 46, 18, 22),
        text_align=("LEFT", "LEFT", "LEFT", "RIGHT", "RIGHT"),
        borders_layout="HORIZONTAL_LINES",
        line_height=6,
    ) as table:
        table.row(("Data", "Método", "Competências", "Pagamento", "Valor"))
        for line in statement.linhas:
            months = competencias(line.competencias) if line.competencias else "crédito"
            table.row((date(line.data), metodo(line.metodo), months, f"nº {line.pagamento_id}", format_brl(line.valor)))


def written_code(codigo: str) -> str:
    """`ABCDEFGHJK` → "ABCDE-FGHJK"."""
    return f"{codigo[:5]}-{codigo[5:]}"


def _written_cpf(number: str) -> str:
    return f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}"


def _long_day(day: dt.datetime) -> str:
    return f"{day.day} de {MONTH_NAMES[day.month - 1]} de {day.year}"
