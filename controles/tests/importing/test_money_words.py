import pytest

from controles.importing.columns import match_columns
from controles.importing.money_words import BALANCE_FIELDS, BALANCES, PAYMENT_FIELDS, PAYMENTS


@pytest.mark.parametrize(
    ("title", "field"),
    [
        ("Dt. Pgto", "data"),
        ("Data do pagamento", "data"),
        ("Em que data do depósito?", "data"),
        ("Valor (R$)", "valor"),
        ("Qual o valor da contribuição?", "valor"),
        ("Associado", "nome"),
        ("CPF/CNPJ", "cpf"),
        ("Mat.", "matricula"),
        ("Forma de pagamento", "metodo"),
        ("Mês de referência", "competencia"),
        ("Id da transação", "e2eid"),
    ],
)
def test_titles_of_payments_are_known_as_people_write_them(title: str, field: str) -> None:
    assert [name for name, _ in PAYMENTS.fields_of(title)] == [field]


@pytest.mark.parametrize(
    ("title", "field"),
    [
        ("Saldo devedor", "devido"),
        ("Deve", "devido"),
        ("Valor em atraso", "devido"),
        ("Crédito", "credito"),
        ("Saldo", "saldo"),
    ],
)
def test_titles_of_balances_are_known_as_people_write_them(title: str, field: str) -> None:
    assert [name for name, _ in BALANCES.fields_of(title)] == [field]


def test_what_a_sheet_has_to_have_is_named() -> None:
    assert match_columns(("Data", "Valor"), PAYMENTS).missing == ("“matricula” ou “cpf” ou “nome”",)
    assert match_columns(("Nome",), BALANCES).missing == ("“saldo devedor” ou “saldo credor” ou “saldo”",)
    assert match_columns(("Nome",), PAYMENTS).missing == ("“data”", "“valor”")


def test_every_field_has_a_name_on_the_page() -> None:
    assert set(PAYMENT_FIELDS) == set(PAYMENTS.names)
    assert set(BALANCE_FIELDS) == set(BALANCES.names)
