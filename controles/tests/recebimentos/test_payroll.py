"""Payroll lists as employers write them: who and how much; a row that cannot be read is named."""

import datetime as dt

import pytest

from controles.domain.domain_errors import Invalid
from controles.recebimentos.payroll import read_payroll
from controles.recebimentos.records import Lida, NovaFolha

FOLHA = NovaFolha(empregador="Prefeitura", competencia=dt.date(2026, 3, 1), data=dt.date(2026, 3, 10))


@pytest.fixture(autouse=True)
def _keys(sqlite_app: object) -> None:
    """A CPF becomes a keyed digest, and the keys are the application's."""


def read(text: str, folha: NovaFolha = FOLHA) -> tuple[Lida, ...]:
    return read_payroll(text.encode("cp1252"), folha)


def test_titles_above_totals_below_and_other_columns_do_not_matter() -> None:
    text = (
        "PREFEITURA MUNICIPAL;;;\nConsignados de março;;;\nMatrícula;Nome do servidor;Órgão;Valor descontado\n"
        "000101;Ana Prado;Saúde;R$ 20,00\n000102;Bia Conceição;Educação;1.025,50\n000103;Caio;Saúde;0,00\n"
        "TOTAL;;;1.045,50\n;Assinatura;;\n"
    )
    found = [(line.numero, line.matricula, line.nome, line.valor) for line in read(text)]
    assert found == [(4, "000101", "Ana Prado", 2000), (5, "000102", "Bia Conceição", 102550)]
    assert {(line.data, line.competencia) for line in read(text)} == {(FOLHA.data, FOLHA.competencia)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nome;órgão\nAna;Saúde\n", "valor"),
        ("valor\n20,00\n", "matricula"),
        ("matrícula;valor\n101;vinte\n", "Linha 2: .*vinte"),
        ("matrícula;valor\n101;-20,00\n", "Linha 2: .*negativo"),
        ("cpf;valor\n529.982.247-24;20,00\n", "Linha 2: .*verificadores"),
        ("matrícula;valor\n101;\n", "Linha 2: falta o valor"),
        ("matrícula;valor\n101;0\n", "nenhuma linha com valor"),
        ("", "vazio"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_row(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        read(text)
    assert refused.value.field == "arquivo"


def test_the_same_person_month_and_employer_have_one_key_however_they_are_written() -> None:
    (first,) = read("cpf;valor\n529.982.247-25;20,00\n")
    again = NovaFolha(empregador="  PREFEITURA ", competencia=FOLHA.competencia, data=dt.date(2026, 3, 12))
    (second,) = read("cpf;nome;valor\n52998224725;Ana;20,00\n", again)
    assert first.chave == second.chave
    for other in (
        NovaFolha(empregador="Estado", competencia=FOLHA.competencia, data=FOLHA.data),
        NovaFolha(empregador="Prefeitura", competencia=dt.date(2026, 2, 1), data=FOLHA.data),
    ):
        assert read("cpf;valor\n529.982.247-25;20,00\n", other)[0].chave != first.chave
    twice = read("cpf;valor\n529.982.247-25;20,00\n529.982.247-25;5,00\n")
    assert len({line.chave for line in twice}) == 2
