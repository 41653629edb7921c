import pytest

from controles.domain.domain_errors import Invalid
from controles.importing.columns import Columns
from controles.importing.columns import columns_of as match
from controles.importing.people_words import PEOPLE


def columns_of(header: tuple[str, ...]) -> Columns:
    return match(header, PEOPLE)


def test_finds_columns_whatever_their_accents_case_and_spelling() -> None:
    columns = columns_of(("NÚMERO DE MATRÍCULA", "Nome_Completo", "Data de Filiação ", "e-mail", "valor da COTA"))
    assert columns.positions == {"matricula": 0, "nome": 1, "data_filiacao": 2, "email": 3, "valor_cota": 4}
    assert columns.warnings == ()
    assert columns.name("data_filiacao") == "Data de Filiação "


def test_warns_of_columns_it_does_not_know() -> None:
    columns = columns_of(("nome", "filiação", "Time do coração", ""))
    assert columns.warnings == ("A coluna “Time do coração” não é conhecida e não será importada.",)


def test_takes_the_plainer_of_two_names_for_one_field_and_says_so() -> None:
    columns = columns_of(("Celular", "nome", "Telefone", "filiação"))
    assert columns.positions["telefone"] == 2
    assert "só “Telefone” será importada" in columns.warnings[0]


def test_refuses_a_column_that_stands_twice() -> None:
    with pytest.raises(Invalid, match="duas vezes"):
        columns_of(("nome", "NOME", "filiação"))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (("nome", "cpf"), "Falta a coluna “data de filiação”, obrigatória"),
        (("cpf", "email"), "Faltam as colunas “nome” e “data de filiação”, obrigatórias"),
    ],
)
def test_names_the_mandatory_columns_that_are_missing(header: tuple[str, ...], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        columns_of(header)


def test_passes_over_the_reasons_of_an_earlier_import() -> None:
    assert columns_of(("Erros", "nome", "filiação")).warnings == ()


def test_leaves_out_cells_that_are_empty_or_missing() -> None:
    columns = columns_of(("nome", "filiação", "cpf", "email"))
    assert columns.cells((" Ana ", "", "  ")) == {"nome": "Ana"}


@pytest.mark.parametrize(
    ("title", "cell", "found"),
    [
        ("Nome e e-mail", "Maria Silva <maria@x.org>", {"nome": "Maria Silva", "email": "maria@x.org"}),
        ("Nome e e-mail", "maria@x.org - Maria Silva", {"nome": "Maria Silva", "email": "maria@x.org"}),
        ("Nome e e-mail", "Maria Silva", {"nome": "Maria Silva"}),
        ("Nome / CPF", "Maria Silva (529.982.247-25)", {"nome": "Maria Silva", "cpf": "529.982.247-25"}),
        ("Matrícula - Nome", "0012 - Maria Silva", {"matricula": "0012", "nome": "Maria Silva"}),
        ("Nome, telefone e e-mail", "Maria, (11) 98765-4321, m@x.org",
         {"nome": "Maria", "telefone": "(11) 98765-4321", "email": "m@x.org"}),
        ("Telefone/E-mail", "11987654321 / m@x.org", {"telefone": "11987654321", "email": "m@x.org"}),
        ("Nome e CPF", "Maria, casada", {"nome": "Maria, casada"}),
        ("CPF/Telefone", "529.982.247-25 11 98765-4321", {"cpf": "529.982.247-25", "telefone": "11 98765-4321"}),
        ("Nascimento / filiação", "01/02/1980 03/04/2020", {"nascimento": "01/02/1980", "data_filiacao": "03/04/2020"}),
        ("Filiação / nascimento", "03/04/2020 01/02/1980", {"nascimento": "01/02/1980", "data_filiacao": "03/04/2020"}),
        ("Nome e e-mail", "a@x.org e b@x.org", {"email": "a@x.org", "nome": "e b@x.org"}),
    ],
)  # fmt: skip
def test_takes_a_column_of_several_fields_apart(title: str, cell: str, found: dict[str, str]) -> None:
    others = [name for name in ("nome", "filiação") if name not in title.lower()]
    columns = columns_of((title, *others))
    assert columns.cells((cell,)) == found
