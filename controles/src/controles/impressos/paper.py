"""A PDF with the organisation's heading, its typeface, and a foot on every page.

The same calls always produce the same bytes: the only time in the file is the one that is passed in.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import segno
from fpdf import FPDF
from fpdf.enums import XPos, YPos

_FONTS = Path(__file__).parent / "fonts"
FAMILY = "figtree"
PDF_TYPE = "application/pdf"
MARGIN = 18.0

INK = (26, 33, 29)
INK_2 = (93, 102, 95)
LINE = (200, 197, 186)
BRAND = (20, 81, 63)
BRAND_SOFT = (226, 237, 230)
DANGER = (160, 35, 35)


@dataclass(frozen=True, slots=True)
class Heading:
    """Who issues the document: the name, and the lines below it."""

    nome: str
    linhas: tuple[str, ...] = ()


class Paper(FPDF):
    """Sheets of A4, or of `size` in millimetres; `made_at` is written into the file as its time of creation."""

    def __init__(self, title: str, *, made_at: dt.datetime, size: tuple[float, float] | str = "A4") -> None:
        super().__init__(unit="mm", format=size)
        self.add_font(FAMILY, "", _FONTS / "figtree-regular.ttf")
        self.add_font(FAMILY, "B", _FONTS / "figtree-bold.ttf")
        self.set_title(title)
        self.set_lang("pt-BR")
        self.set_creator("Controles")
        self.set_producer("Controles")
        self.set_creation_date(made_at)
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, margin=MARGIN)
        self.foot: str = ""
        self.ink()

    def ink(self, size: float = 10.5, *, bold: bool = False, colour: tuple[int, int, int] = INK) -> None:
        """Set size, weight and colour of the text that follows."""
        self.set_font(FAMILY, "B" if bold else "", size)
        self.set_text_color(*colour)

    def line_of(self, text: str, *, height: float = 5.6, align: str = "L") -> None:
        """A paragraph over the whole width; the next text begins below it."""
        self.multi_cell(0, height, printable(text), align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def rule(self, *, gap: float = 3) -> None:
        """A thin line from margin to margin."""
        self.ln(gap)
        self.set_draw_color(*LINE)
        self.set_line_width(0.2)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(gap)

    def heading(self, heading: Heading) -> None:
        """Who issues the document, at the current position."""
        self.ink(13, bold=True, colour=BRAND)
        self.line_of(heading.nome or "Organização", height=6.5)
        self.ink(9, colour=INK_2)
        for line in heading.linhas:
            self.line_of(line, height=4.6)

    def fact(self, name: str, value: str, *, width: float = 38) -> None:
        """A name and, beside it, its value, which may need several lines."""
        self.ink(9.5, colour=INK_2)
        self.cell(width, 6, name)
        self.ink(10.5)
        self.multi_cell(0, 6, printable(value), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def qr(self, text: str, left: float, top: float, *, size: float) -> None:
        """The QR code of `text`: a square of `size` millimetres at this place."""
        matrix = segno.make(text, error="m", micro=False).matrix
        module = size / len(matrix)
        self.set_fill_color(*INK)
        for row, cells in enumerate(matrix):
            for column, dark in enumerate(cells):
                if dark:
                    self.rect(left + column * module, top + row * module, module, module, style="F")

    def footer(self) -> None:
        """On each page: `foot`, and the page number if there are several pages."""
        if not self.foot:
            return
        self.set_y(-MARGIN + 5)
        self.ink(8, colour=INK_2)
        self.cell(0, 4, printable(self.foot))
        self.set_x(self.l_margin)
        self.cell(0, 4, f"{self.page_no()}/{{nb}}", align="R")

    def whole(self) -> bytes:
        """The finished file."""
        return bytes(self.output())


def printable(text: str) -> str:
    """`text` without what no typeface can draw: control characters, and lone surrogates, which no file can contain."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)
