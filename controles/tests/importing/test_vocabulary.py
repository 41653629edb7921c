import re

import pytest

from controles.importing.vocabulary import RANK_ASKED, RANK_FILLED_IN, Vocabulary, is_reasons, plain

WORDS = Vocabulary(
    names={"nome": ("nome", "sócio"), "dia": ("dia", "data")},
    asked=(("dia", re.compile(r"\bquando\b")),),
    filled_in="dia",
    unread={"titulo": "“{}” é um título."},
)


@pytest.mark.parametrize(
    ("title", "fields"),
    [
        ("NOME", (("nome", 0),)),
        ("Nome (completo)", (("nome", 0),)),
        ("Quando foi?", (("dia", RANK_ASKED),)),
        ("Carimbo de data/hora", (("dia", RANK_FILLED_IN),)),
        ("Nome e data", (("nome", 0), ("dia", 1))),
        ("Título", ()),
        ("Cor", ()),
    ],
)
def test_a_title_says_its_fields_and_how_plainly(title: str, fields: tuple[tuple[str, int], ...]) -> None:
    assert WORDS.fields_of(title) == fields
    assert WORDS.knows(title) == bool(fields)


def test_what_somebody_said_of_a_title_wins_and_a_field_that_is_gone_is_forgotten() -> None:
    learnt = WORDS.with_learnt({"cor": "dia", "nome": "", "titulo": "campo de antes"})
    assert learnt.fields_of("Cor!") == (("dia", -1),)
    assert (learnt.fields_of("Nome"), learnt.is_ignored("NOME")) == ((), True)
    assert (learnt.fields_of("Título"), learnt.is_ignored("Título")) == ((), False)


def test_says_why_a_column_is_not_read() -> None:
    assert WORDS.sentence_of_unread("Título") == "“Título” é um título."
    assert WORDS.sentence_of_unread("Cor") == "A coluna “Cor” não é conhecida e não será importada."


def test_titles_are_compared_without_accents_case_and_signs() -> None:
    assert plain(" Nº de  Matrícula: ") == "no de matricula"
    assert is_reasons("Erros")
