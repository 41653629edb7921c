"""The BR Code: its checksum, its limits, and that what it is made of can be read back."""

import pytest

from controles.organizacao.records import DadosOrganizacao
from controles.pix.brcode import copy_and_paste, crc16, plain
from controles.pix.txids import Cobrado, charged_in, txid_of

KEY = "123e4567-e12b-12d1-a456-426655440000"


def fields(code: str) -> dict[str, str]:
    """Tag, length, value, one after the other: read as a bank's application does."""
    found = {}
    while code:
        tag, length = code[:2], int(code[2:4])
        found[tag], code = code[4 : 4 + length], code[4 + length :]
        assert len(found[tag]) == length
    return found


def test_the_checksum_is_that_of_the_standard() -> None:
    assert crc16(b"123456789") == 0x29B1


def test_the_example_of_the_central_banks_manual_comes_out() -> None:
    organisation = DadosOrganizacao(nome="Fulano de Tal", municipio="Brasília", pix_chave=KEY)
    code = copy_and_paste(organisation, centavos=None, txid="x")
    assert code is not None
    head = "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-426655440000520400005303986"
    assert code.startswith(f"{head}5802BR5913FULANO DE TAL6008BRASILIA")
    manual = f"{head}5802BR5913Fulano de Tal6008BRASILIA62070503***6304"
    assert f"{crc16(manual.encode()):04X}" == "1D3D"


def test_the_checksum_keeps_its_leading_zeros() -> None:
    organisation = DadosOrganizacao(nome="Vale", municipio="Ouro Preto", pix_chave=KEY)
    ends = set()
    for centavos in range(1, 400):
        code = copy_and_paste(organisation, centavos=centavos, txid="A")
        assert code is not None
        assert fields(code)["63"] == f"{crc16(code[:-4].encode()):04X}"
        ends.add(code[-4])
    assert "0" in ends


def test_every_part_can_be_read_back_and_is_within_its_limit() -> None:
    organisation = DadosOrganizacao(
        nome="Associação dos Moradores & Amigos da Chapada",
        municipio="São José do Vale do Rio Preto",
        pix_chave="a" * 77,
    )
    code = copy_and_paste(organisation, centavos=123456, txid=txid_of(2**31 - 1))
    assert code is not None
    assert code.isascii()
    read = fields(code)
    assert fields(read["26"]) == {"00": "br.gov.bcb.pix", "01": "a" * 77}
    assert (read["54"], read["53"], read["58"]) == ("1234.56", "986", "BR")
    assert read["59"] == "ASSOCIACAO DOS MORADORES"
    assert read["60"] == "SAO JOSE DO VAL"
    txid = fields(read["62"])["05"]
    assert len(txid) <= 25
    assert charged_in(txid) == Cobrado(2**31 - 1)


@pytest.mark.parametrize("missing", ["nome", "municipio", "pix_chave"])
def test_without_key_name_or_city_there_is_no_code(missing: str) -> None:
    values = {"nome": "Vale", "municipio": "Ouro Preto", "pix_chave": KEY} | {missing: ""}
    assert copy_and_paste(DadosOrganizacao(**values), centavos=1, txid="A") is None  # type: ignore[arg-type]


@pytest.mark.parametrize("txid", ["", "com espaço", "é", "x" * 26, "a-b"])
def test_a_txid_that_a_bank_would_refuse_is_refused(txid: str) -> None:
    with pytest.raises(ValueError, match="txid"):
        copy_and_paste(DadosOrganizacao(), centavos=1, txid=txid)


@pytest.mark.parametrize("centavos", [0, -1, 10**12])
def test_an_amount_that_a_bank_would_refuse_is_refused(centavos: int) -> None:
    with pytest.raises(ValueError, match="centavos"):
        copy_and_paste(DadosOrganizacao(), centavos=centavos, txid="A")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("MILITANTE7", 7),
        ("pix recebido militante7 maria", 7),
        ("MILITANTE7 MILITANTE7", 7),
        ("MILITANTE7 MILITANTE8", None),
        ("MILITANTE", None),
        ("X7", None),
        ("XMILITANTE7", None),
        ("MILITANTE7A", None),
        ("MILITANTE12345678901", None),
    ],
)
def test_a_line_of_a_statement_says_whose_payment_it_is(text: str, found: int | None) -> None:
    charged = charged_in(text)
    assert (charged and charged.militante_id) == found


def test_names_lose_accents_and_signs() -> None:
    assert plain("  D'Ávila & Cia.  nº 3 ", 25) == "D AVILA CIA NO 3"
