from controles.importing.columns import Columns
from controles.importing.columns import columns_of as match
from controles.importing.people_words import PEOPLE


def columns_of(header: tuple[str, ...]) -> Columns:
    return match(header, PEOPLE)


def test_reads_the_questions_of_a_form() -> None:
    columns = columns_of(
        ("Carimbo de data/hora", "Endereço de e-mail", "Nome completo (sem abreviações)", "CPF (somente números)",
         "Data de nascimento", "Telefone com DDD (WhatsApp)", "Em qual núcleo você quer militar?",
         "Aceito contribuir com", "Como prefere ser chamada(o)?")
    )  # fmt: skip
    assert columns.positions == {
        "data_filiacao": 0, "email": 1, "nome": 2, "cpf": 3, "nascimento": 4, "telefone": 5, "nucleo": 6,
        "valor_cota": 7, "nome_social": 8,
    }  # fmt: skip
    assert columns.warnings == ("Não há coluna de filiação: “Carimbo de data/hora” será a data de filiação.",)


def test_when_a_form_was_filled_in_gives_way_to_a_day_of_joining() -> None:
    columns = columns_of(("Carimbo de data/hora", "nome", "Desde quando? (filiação)", "Data de filiação"))
    assert columns.positions["data_filiacao"] == 3


def test_the_voter_number_of_the_electoral_court_is_no_matricula() -> None:
    header = ("NUMERO DA INSCRICAO", "NOME DO FILIADO", "NOME DO PARTIDO", "DATA DA FILIACAO", "DATA DA DESFILIACAO",
              "SITUACAO DO REGISTRO")  # fmt: skip
    columns = columns_of(header)
    assert columns.positions == {"nome": 1, "data_filiacao": 3, "situacao": 5}
    assert "título de eleitor" in columns.warnings[0]
