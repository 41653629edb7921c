import csv
import io
from collections.abc import Callable
from typing import Any

from controles.militantes.models import Militante

from .conftest import Importer

Visit = Callable[..., Any]


def test_rows_that_are_right_are_written_and_the_others_go_to_a_file(quick: Importer) -> None:
    page = quick.give("nome;filiação;cpf\nAna;1/3/85;\nBia;31/02/2021;123\n=Caio();;\n")
    assert "Gravar 1 linha" in page
    for sentence in ("31/02/2021” não existe no calendário", "O CPF precisa ter 11 dígitos", "Informe a data"):
        assert sentence in page
    assert "corrija-as, ou grave só as certas" in quick.visitor.send(quick.path, etapa="gravar")
    quick.act("so_validas")
    assert quick.rows(Militante.nome) == [("Ana",)]
    answer = quick.visitor.client.get(quick.path + "/lista/erros.csv")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    header, *rows = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";")
    assert header == ["erros", "nome", "filiação", "cpf"]
    assert [row[1:] for row in rows] == [["Bia", "31/02/2021", "123"], ["'=Caio()", "", ""]]
    # Corrected, it is given again as it is.
    again = answer.text.replace("31/02", "28/02").replace(";123", ";").replace("'=Caio();;", "Caio;1/1/2020;")
    assert "Gravar 2 linhas" in quick.give(again)
