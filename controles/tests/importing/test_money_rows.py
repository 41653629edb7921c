import pytest

from controles.importing.money_rows import read_balance, read_metodo, read_positive
from controles.pagamentos.models import Metodo


@pytest.mark.parametrize(
    ("text", "metodo"),
    [
        ("PIX", Metodo.PIX),
        ("chave pix", Metodo.PIX),
        ("Em espécie", Metodo.DINHEIRO),
        ("TED", Metodo.TRANSFERENCIA),
        ("depósito em conta", Metodo.TRANSFERENCIA),
        ("Cartão de crédito", Metodo.CARTAO),
        ("desconto em folha", Metodo.FOLHA),
        ("Boleto bancário", Metodo.BOLETO),
        ("outros", Metodo.OUTRO),
    ],
)
def test_ways_to_pay_are_read_as_people_call_them(text: str, metodo: Metodo) -> None:
    assert read_metodo(text) is metodo


def test_a_way_to_pay_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="não é uma forma de pagamento"):
        read_metodo("bitcoin")


@pytest.mark.parametrize(
    ("text", "centavos"),
    [
        ("50,00", 5000),
        ("-50,00", -5000),
        ("R$ -50,00", -5000),
        ("-R$ 50,00", -5000),
        ("(50,00)", -5000),
        ("50,00-", -5000),
        ("50,00 D", -5000),
        ("R$ 1.250,00 (D)", -125000),
        ("50,00 devedor", -5000),
        ("50,00 C", 5000),
        ("50,00 credor", 5000),
        ("0", 0),
    ],
)
def test_what_is_owed_is_negative_however_it_is_marked(text: str, centavos: int) -> None:
    assert read_balance(text) == centavos


@pytest.mark.parametrize("text", ["abc", "", "--5", "5,00 X"])
def test_a_balance_that_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"valor"):
        read_balance(text)


def test_a_payment_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match="zero"):
        read_positive("0,00")
