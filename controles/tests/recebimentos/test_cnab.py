"""Return files of boletos: what was paid, by whom and when; and one that is cut or changed is refused."""

import datetime as dt

import pytest

from controles.domain.domain_errors import Invalid
from controles.pix.txids import txid_of
from controles.recebimentos.cnab import LARGEST, read_return
from controles.recebimentos.models import Fonte
from controles.recebimentos.records import Lida

from .conftest import DAY, SPOTS_400, file_240, file_400, title_240, written

HOJE = dt.date(2026, 3, 17)
CPF = "52998224725"


def lines(raw: bytes) -> tuple[Lida, ...]:
    return read_return(raw, hoje=HOJE)[1]


@pytest.mark.parametrize("bank", ["001", "033", "104", "237", "341", "748", "756"])
def test_a_paid_title_of_240_positions_says_who_how_much_and_when(bank: str) -> None:
    title = title_240(1, bank=bank, paid=12345, yours="000101", cpf=CPF, name="ANA DA CONCEIÇÃO")
    fonte, (line,) = read_return(written(file_240(title, bank=bank)), hoje=HOJE)
    assert fonte is Fonte.CNAB240
    assert (line.valor, line.data, line.matricula) == (12345, DAY, "101")
    assert (line.cpf, line.nome) == (CPF, "ANA DA CONCEIÇÃO")


@pytest.mark.parametrize("bank", sorted(SPOTS_400))
def test_a_paid_title_of_400_positions_says_so_too(bank: str) -> None:
    raw = written(file_400({"paid": "12345", "yours": "000101", "name": "ANA PRADO"}, bank=bank))
    fonte, (line,) = read_return(raw, hoje=HOJE)
    assert fonte is Fonte.CNAB400
    assert (line.valor, line.data, line.matricula) == (12345, DAY, "101")
    assert line.nome == ("ANA PRADO" if bank == "341" else None)


def test_only_what_was_paid_is_taken() -> None:
    codes = ("02", "03", "06", "09", "17", "28")
    titles = [title_240(2 * n + 1, code=code, paid=100 + n) for n, code in enumerate(codes)]
    assert [line.valor for line in lines(written(file_240(*titles)))] == [102, 104]
    several = ({"code": "02"}, {"code": "06", "paid": "300"}, {"code": "09"}, {"code": "08", "paid": "400"})
    assert [line.valor for line in lines(written(file_400(*several)))] == [300, 400]
    with pytest.raises(Invalid, match="nenhum título dele foi pago"):
        lines(written(file_240(title_240(1, code="02"))))


def test_without_a_day_of_credit_the_day_of_payment_counts() -> None:
    for credited in ("00000000", " " * 8):
        (line,) = lines(written(file_240(title_240(1, credited=credited))))
        assert line.data == DAY
    assert lines(written(file_400({"credited": "000000"})))[0].data == DAY


def test_our_own_code_in_the_title_says_for_whom_and_for_which_month() -> None:
    code = txid_of(7, [dt.date(2026, 2, 1)])
    (line,) = lines(written(file_240(title_240(1, company=code))))
    assert (line.militante_id, line.competencia, line.matricula) == (7, dt.date(2026, 2, 1), None)
    assert lines(written(file_400({"company": "MILITANTE7"})))[0].militante_id == 7


def test_line_ends_and_the_mark_of_the_end_do_not_matter() -> None:
    records = file_240(title_240(1))
    for raw in (written(records, "\n"), written(records)[:-2], written(records) + b"\x1a", written(records, "\r")):
        assert len(lines(raw)) == 1


def test_a_file_that_was_saved_again_as_utf_8_is_read_like_that_of_the_bank() -> None:
    records = file_240(title_240(1, name="ANA DA CONCEIÇÃO"))
    text = "\r\n".join(records)
    for raw in (text.encode("cp1252"), text.encode(), text.encode("utf-8-sig")):
        assert lines(raw)[0].nome == "ANA DA CONCEIÇÃO"


def test_the_same_title_has_the_same_key_in_another_file_and_two_equal_ones_have_two() -> None:
    once = lines(written(file_240(title_240(1, our="77"))))
    among = lines(written(file_240(title_240(1, our="12"), title_240(3, our="77"), title_240(5, our="77"))))
    assert among[1].chave == once[0].chave
    assert len({line.chave for line in among}) == 3


def without(records: list[str], place: int) -> list[str]:
    return records[:place] + records[place + 1 :]


GOOD = file_240(title_240(1), title_240(3))
GOOD_400 = file_400({}, {"our": "9"})


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "vazio"),
        ([record[:-1] for record in GOOD], "239 posições"),
        ([*GOOD[:3], GOOD[3][:200]], "cortado ou alterado"),
        (GOOD[:-1], "Falta o fim"),
        (GOOD[1:], "falta o começo"),
        (without(GOOD, 3), "diz ter"),
        (without(GOOD, 2), "diz ter"),
        ([*GOOD[:2], GOOD[3], GOOD[2], *GOOD[4:]], "falta o segmento T"),
        ([*GOOD[:3], GOOD[4], GOOD[3], *GOOD[5:]], "falta o segmento U"),
        (file_240(title_240(1), kind="1"), "remessa"),
        (file_240(title_240(1), service="20"), "não é de cobrança"),
        (file_240(title_240(1, credited="31022026")), "não existe"),
        (file_240(title_240(1, paid=0)), "valor zero"),
        (GOOD_400[:-1], "Falta o fim"),
        (GOOD_400[1:], "falta o começo"),
        (without(GOOD_400, 1), "faltam linhas"),
        ([GOOD_400[0][:76] + "999" + GOOD_400[0][79:], *GOOD_400[1:]], "CNAB 240"),
        ([GOOD_400[0][:1] + "1" + GOOD_400[0][2:], *GOOD_400[1:]], "remessa"),
        (["data;valor", "10/03/2026;20,00"], "240 ou 400"),
    ],
)
def test_a_file_that_is_cut_or_another_is_refused_with_a_sentence(records: list[str], said: str) -> None:
    if "valor zero" in said:
        records = [record.replace(f"{-150:015d}", "0" * 15) for record in records]
    with pytest.raises(Invalid, match=said) as refused:
        lines(written(records))
    assert refused.value.field == "arquivo"


def test_letters_in_an_amount_and_bytes_without_end_are_refused() -> None:
    broken = [record.replace("000000000002000", "0000000000O2000") for record in GOOD]
    with pytest.raises(Invalid, match="não um número"):
        lines(written(broken))
    with pytest.raises(Invalid, match="8 MB"):
        lines(b"0" * (LARGEST + 1))
