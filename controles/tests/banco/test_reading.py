"""Files of banks are read right, or refused with a sentence that says what to do."""

import datetime as dt
from pathlib import Path

import pytest

from controles.banco.amounts import parse_signed
from controles.banco.queries import payer_name
from controles.banco.reading import LARGEST, read_statement
from controles.banco.records import ExtratoLido
from controles.domain.domain_errors import Invalid

HOJE = dt.date(2026, 3, 17)
FILES = Path(__file__).parent / "statements"


def read(name: str) -> tuple[ExtratoLido, ...]:
    return read_statement((FILES / name).read_bytes(), hoje=HOJE)


def test_an_ofx_of_two_accounts_in_windows_letters_is_read_by_account() -> None:
    first, second = read("two_accounts_cp1252.ofx")
    assert (first.banco, first.numero, second.numero) == ("0001", "000012345-6", "77777")
    assert [line.valor for line in first.linhas] == [2000, 2000, 1500, 1000, 1000, -123456]
    assert first.linhas[0].descricao.endswith("JOSÉ ANTÔNIO PRADO")
    assert first.linhas[5].descricao == "ALUGUEL & CONDOMINIO"
    assert {line.fitid for line in first.linhas[:2]} == {"N1"}
    assert second.linhas[0].data == dt.date(2026, 3, 10)


def test_an_ofx_of_version_2_is_read() -> None:
    (only,) = read("version_2.ofx")
    assert (only.numero, [line.valor for line in only.linhas]) == ("123456", [3000])
    assert only.linhas[0].descricao == "Transferência recebida pelo Pix - Conceição Lima"


@pytest.mark.parametrize(
    ("name", "values"),
    [("credit_debit.csv", [2000, -1290]), ("signed.csv", [2000, -850]), ("direction.csv", [102000, -50000])],
)
def test_a_sheet_is_read_with_its_heading_anywhere_and_money_in_either_form(name: str, values: list[int]) -> None:
    (only,) = read(name)
    assert [line.valor for line in only.linhas] == values
    assert only.numero is None


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "vazio"),
        (b"%PDF-1.7 x", "PDF"),
        (b"PK\x03\x04", "planilha"),
        (b"a\0b", "texto"),
        (b"x" * (LARGEST + 1), "8 MB"),
        (b"nome;cpf\nAna;1\n", "Data"),
        (b"<OFX><STMTTRN><DTPOSTED>20260301", "termina no meio"),
        (b"<OFX></OFX>", "de que conta"),
        (b"<OFX><STMTRS><ACCTID>1<STMTTRN><DTPOSTED>20261301<TRNAMT>1.00</STMTTRN></OFX>", "não existe"),
        (b"<OFX><STMTRS><ACCTID>1<STMTTRN><DTPOSTED>20260301<TRNAMT>abc</STMTTRN></OFX>", "lançamento"),
        (b"<OFX><STMTRS><ACCTID>1<STMTTRN><DTPOSTED>20270301<TRNAMT>1.00</STMTTRN></OFX>", "confira"),
        (b"Data;Valor\n01/03/2026;abc\n", "Linha 2"),
    ],
)
def test_what_is_no_statement_is_refused_in_a_sentence(raw: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_statement(raw, hoje=HOJE)


def test_entities_that_a_file_defines_stay_text() -> None:
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>'
        "<OFX><STMTRS><ACCTID>1</ACCTID><STMTTRN><DTPOSTED>20260301</DTPOSTED><TRNAMT>1.00</TRNAMT>"
        "<MEMO>&a;&b;</MEMO></STMTTRN></STMTRS></OFX>"
    )
    (only,) = read_statement(bomb.encode(), hoje=HOJE)
    assert only.linhas[0].descricao == "&a;&b;"


@pytest.mark.parametrize(
    ("text", "centavos"),
    [
        ("-1.234,56", -123456),
        ("1.234,56-", -123456),
        ("(12,00)", -1200),
        ("12,00 D", -1200),
        ("-12,00 D", -1200),
        ("12,00 C", 1200),
        ("+12.50", 1250),
        ("1,234.56", 123456),
        ("R$ -5,00", -500),
        ("- R$ 5,00", -500),
    ],
)
def test_an_amount_keeps_its_sign_however_it_is_written(text: str, centavos: int) -> None:
    assert parse_signed(text) == centavos


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("PIX RECEBIDO - CONCEIÇÃO LIMA", "conceicao lima"),
        ("TED RECEBIDA 001 MARIA DA SILVA 1234", "maria da silva"),
        ("DEPOSITO EM DINHEIRO", ""),
        ("PIX RECEBIDO", ""),
    ],
)
def test_the_name_of_who_paid_is_what_stands_around_the_banks_words(text: str, name: str) -> None:
    assert payer_name(text) == name
