"""Membership cards as PDF: one of the size of a bank card, or sheets of eight to cut."""

from collections.abc import Sequence

from controles.carteiras.records import DadosCarteira
from controles.impressos.paper import BRAND, INK_2, LINE, Paper, printable
from controles.web.formatting import competencia, date

# ISO/IEC 7810 ID-1.
WIDTH, HEIGHT = 85.6, 53.98
_COLUMNS, _ROWS = 2, 4
_LEFT, _TOP = 18.0, 22.0
_GAP = 4.0
_QR = 24.0


def card_pdf(card: DadosCarteira, organizacao: str, address: str) -> bytes:
    """One card on a page of its own size. `address` is where its code is looked up."""
    paper = Paper(f"Carteirinha {card.matricula}", made_at=card.emitida_em, size=(WIDTH, HEIGHT))
    paper.set_auto_page_break(False)
    paper.add_page()
    _card(paper, card, organizacao, address, 0, 0)
    return paper.whole()


def sheets_pdf(cards: Sequence[DadosCarteira], organizacao: str, address: str) -> bytes:
    """Eight cards on a sheet of A4, with thin lines to cut along."""
    paper = Paper("Carteirinhas", made_at=max(card.emitida_em for card in cards))
    paper.set_auto_page_break(False)
    for number, card in enumerate(cards):
        place = number % (_COLUMNS * _ROWS)
        if place == 0:
            paper.add_page()
        left = _LEFT + place % _COLUMNS * (WIDTH + _GAP)
        top = _TOP + place // _COLUMNS * (HEIGHT + _GAP)
        paper.set_draw_color(*LINE)
        paper.set_line_width(0.1)
        paper.rect(left, top, WIDTH, HEIGHT)
        _card(paper, card, organizacao, address, left, top)
    return paper.whole()


def _card(paper: Paper, card: DadosCarteira, organizacao: str, address: str, left: float, top: float) -> None:
    paper.set_fill_color(*BRAND)
    paper.rect(left, top, WIDTH, 12, style="F")
    paper.set_xy(left + 5, top + 3)
    paper.ink(9.5, bold=True, colour=(255, 255, 255))
    paper.cell(WIDTH - 10, 6, _fitting(paper, organizacao or "Organização", WIDTH - 10))
    width = WIDTH - _QR - 13
    paper.set_xy(left + 5, top + 16)
    paper.ink(10.5, bold=True)
    lines = paper.multi_cell(width, 4.8, printable(card.nome), dry_run=True, output="LINES")
    # The type of the result depends on `output`, which the annotation does not say.
    assert isinstance(lines, list)
    paper.multi_cell(width, 4.8, "\n".join(lines[:2]), align="L")
    y = top + 28
    for name, value in (
        ("Matrícula", card.matricula),
        ("Núcleo", card.nucleo or "—"),
        ("Desde", competencia(card.membro_desde)),
        ("Válida até", date(card.valida_ate)),
    ):
        paper.set_xy(left + 5, y)
        paper.ink(7, colour=INK_2)
        paper.cell(16, 4.4, name)
        paper.ink(8)
        paper.cell(width - 16, 4.4, _fitting(paper, value, width - 16))
        y += 5
    paper.qr(f"{address}/{card.codigo}", left + WIDTH - _QR - 5, top + 17, size=_QR)
    paper.set_xy(left + WIDTH - _QR - 9, top + 17 + _QR + 1)
    paper.ink(6, colour=INK_2)
    paper.cell(_QR + 8, 3, "Confira pelo código", align="C")


def _fitting(paper: Paper, text: str, width: float) -> str:
    """`text`, cut off if it does not fit on the card."""
    whole = printable(text)
    if paper.get_string_width(whole) <= width - 1:
        return whole
    while whole and paper.get_string_width(whole + "…") > width - 1:
        whole = whole[:-1]
    return whole + "…"
