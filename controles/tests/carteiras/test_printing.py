"""Cards hold what they should and stay within their edges."""

import dataclasses
import datetime as dt
import io

from pypdf import PdfReader

from controles.carteiras.printing import HEIGHT, WIDTH, card_pdf, sheets_pdf
from controles.carteiras.records import DadosCarteira

AT = dt.datetime(2026, 3, 17, 15, 0, tzinfo=dt.UTC)
CARD = DadosCarteira(
    1, 2, "Maria da Silva", "A1", "Centro", dt.date(2020, 1, 15), "abcDEF123_-x", dt.date(2027, 3, 31), AT
)
ADDRESS = "https://exemplo.org/carteirinhas/conferir"


def text_of(pdf: bytes) -> str:
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_a_card_has_the_size_of_a_bank_card_and_says_whose_it_is() -> None:
    pdf = card_pdf(CARD, "Associação do Bairro", ADDRESS)
    (page,) = PdfReader(io.BytesIO(pdf)).pages
    assert (round(float(page.mediabox.width)), round(float(page.mediabox.height))) == (
        round(WIDTH / 25.4 * 72),
        round(HEIGHT / 25.4 * 72),
    )
    said = text_of(pdf)
    for words in ("Associação do Bairro", "Maria da Silva", "A1", "Centro", "jan/2020", "31/03/2027"):
        assert words in said
    assert pdf == card_pdf(CARD, "Associação do Bairro", ADDRESS)


def test_long_names_are_cut_instead_of_running_over_the_edge() -> None:
    long = dataclasses.replace(CARD, nome="Maria " * 40, nucleo="Núcleo " * 20, matricula="9" * 20)
    pdf = card_pdf(long, "Federação " * 20, ADDRESS)
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 1
    assert text_of(pdf).count("Maria") < 12
    assert "…" in text_of(pdf)


def test_eight_cards_share_a_sheet() -> None:
    cards = [dataclasses.replace(CARD, nome=f"Pessoa {number}") for number in range(9)]
    pages = PdfReader(io.BytesIO(sheets_pdf(cards, "Associação", ADDRESS))).pages
    assert len(pages) == 2
    assert "Pessoa 7" in pages[0].extract_text()
    assert "Pessoa 8" in pages[1].extract_text()
