import pytest

from controles.domain_errors import Invalid
from controles.importing.columns import columns_of


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
