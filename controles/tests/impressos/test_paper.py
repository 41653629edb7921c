"""A sheet holds what is written on it, the same bytes each time, whatever the text holds."""

import datetime as dt
import io

import pytest
from pypdf import PdfReader

from controles.impressos.paper import Heading, Paper, printable

AT = dt.datetime(2026, 3, 17, 15, 0, tzinfo=dt.UTC)


def made(text: str) -> bytes:
    paper = Paper("Teste", made_at=AT)
    paper.foot = "rodapé"
    paper.add_page()
    paper.heading(Heading("Associação", ("CNPJ",)))
    paper.rule()
    paper.fact("Nome", text)
    paper.line_of(text)
    return paper.whole()


def test_the_same_calls_make_the_same_bytes() -> None:
    assert made("ação") == made("ação")


def test_a_file_names_its_language_its_title_and_the_instant_it_is_given() -> None:
    reader = PdfReader(io.BytesIO(made("x")))
    assert reader.metadata is not None
    assert reader.metadata.title == "Teste"
    assert reader.metadata.creation_date == AT
    assert str(reader.root_object["/Lang"]) == "pt-BR"


@pytest.mark.parametrize("text", ["", "\x00\x07", "\ud800", "王 🌹", "a" * 3000, "linha\nlinha", "<b>&</b>"])
def test_any_text_makes_a_file(text: str) -> None:
    assert made(text).startswith(b"%PDF")


def test_what_cannot_be_printed_becomes_a_space() -> None:
    assert printable("a\x00b\ud800c\nd") == "a b c\nd"
