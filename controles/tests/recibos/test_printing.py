"""What a printed receipt and an annual statement say, and that they say it again in the same bytes."""

import datetime as dt
from typing import Any

from flask import Flask

from controles.domain.escopo import Escopo
from controles.organizacao.queries import get_organizacao
from controles.recibos.printing import receipts_pdf, statements_pdf, written_code
from controles.recibos.queries import demonstrativos, get_recibo
from controles.recibos.services import cancel_recibo

from .conftest import name_organisation, pages_of, text_of

WHOLE = Escopo()
CHECK = "https://exemplo.org/recibos/conferir"


def test_a_receipt_says_who_paid_what_and_for_what(sqlite_app: Flask, org: Any, issue: Any) -> None:
    name_organisation()
    maria = org.militante("Mária Łukasz d’Ávila", cpf="52998224725", matricula="A1")
    org.cotas("2026-01", "2026-02")
    (recibo,) = issue(org.pay(maria, 4550))
    said = text_of(receipts_pdf([recibo], CHECK))
    for words in (
        "Associação do Bairro",
        "CNPJ 11.222.333/0001-81",
        "2026/000001",
        "Mária Łukasz d’Ávila (matrícula A1, CPF 529.982.247-25)",
        "R$ 45,50 (quarenta e cinco reais e cinquenta centavos), em 17/03/2026, por PIX",
        "cotas de jan a fev/2026; R$ 5,50 ficam como crédito",
        "São Paulo, 17 de março de 2026",
        written_code(recibo.codigo),
    ):
        assert words in said, said
    assert "CANCELADO" not in said


def test_printed_again_years_later_it_is_the_same_bytes(sqlite_app: Flask, org: Any, issue: Any) -> None:
    name_organisation()
    (recibo,) = issue(org.pay(org.militante(), 1000))
    first = receipts_pdf([recibo], CHECK)
    org.clock.advance(days=900)
    name_organisation("Outro Nome")
    again = get_recibo(WHOLE, recibo.id)
    assert again is not None
    assert receipts_pdf([again], CHECK) == first


def test_a_cancelled_one_says_so_across_the_sheet(sqlite_app: Flask, org: Any, issue: Any) -> None:
    (recibo,) = issue(org.pay(org.militante(), 1000))
    cancel_recibo(WHOLE, recibo.id, motivo="nome errado", autor_id=None, agora=org.clock.now)
    after = get_recibo(WHOLE, recibo.id)
    assert after is not None
    said = text_of(receipts_pdf([after], CHECK))
    assert "CANCELADO em 17/03/2026" in said
    assert "nome errado" in said


def test_two_receipts_share_a_sheet(sqlite_app: Flask, org: Any, issue: Any) -> None:
    maria = org.militante()
    recibos = issue(*(org.pay(maria, 1000 + n) for n in range(3)))
    assert pages_of(receipts_pdf(recibos, CHECK)) == 2


def test_names_that_no_typeface_draws_and_long_ones_are_printed_all_the_same(
    sqlite_app: Flask, org: Any, issue: Any
) -> None:
    name_organisation("Federação " + "Interestadual " * 10)
    long, strange = org.militante("W" * 150), org.militante("王小明 🌹 Souza")
    said = text_of(receipts_pdf(issue(org.pay(long, 100), org.pay(strange, 100)), CHECK))
    assert "W" * 40 in said
    assert "Souza" in said


def test_an_annual_statement_is_the_list_of_what_came_in_and_its_sum(sqlite_app: Flask, org: Any) -> None:
    name_organisation()
    maria, joana = org.militante("Maria"), org.militante("Joana")
    org.cotas("2026-01", "2026-02")
    org.pay(maria, 2000, data_credito=dt.date(2026, 1, 5))
    org.pay(maria, 3000, data_credito=dt.date(2026, 2, 6))
    org.pay(maria, 7700, data_credito=dt.date(2025, 12, 31))
    org.reverse(org.pay(maria, 8800, data_credito=dt.date(2026, 2, 7)))
    org.pay(joana, 1234, data_credito=dt.date(2026, 3, 1))
    joanas, marias = demonstrativos(WHOLE, 2026, limit=10)
    assert (joanas.militante, joanas.total, marias.total) == ("Joana", 1234, 5000)
    pdf = statements_pdf([joanas, marias], get_organizacao(), made_at=org.clock.now)
    said = text_of(pdf)
    assert pages_of(pdf) == 2
    assert "Total recebido em 2026: R$ 50,00 (cinquenta reais)" in said
    assert "05/01/2026 PIX jan/2026" in said
    assert "88,00" not in said
