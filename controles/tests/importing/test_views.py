"""Importing in the browser, from the file to its undoing."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
import xlsxwriter

from controles.auditoria.audit import verify_chain
from controles.auditoria.models import Auditoria
from controles.contas.models import Papel
from controles.db import db
from controles.importing.forms import TIPO_NAMES
from controles.importing.models import Estado, Importacao, ImportacaoArquivo, Tipo
from controles.importing.views import PERMISSION_OF
from controles.militantes.models import Militante

from .conftest import GOOD, Importer

Visit = Callable[..., Any]


def test_a_file_is_checked_then_written_then_undone(importer: Importer) -> None:
    page = importer.give(GOOD)
    assert "Conferida, não gravada" in page
    assert "Gravar 2 linhas" in page
    assert importer.rows(Militante.nome) == []
    page = importer.act("gravar")
    assert "Gravada em" in page
    assert "gerar as cotas" in page
    assert sorted(importer.rows(Militante.nome)) == [("Ana Prado",), ("Bia Souza",)]
    page = importer.act("desfazer", motivo="coluna errada")
    assert "Desfeita em" in page
    assert importer.rows(Militante.nome) == []
    assert importer.rows(ImportacaoArquivo.importacao_id) == []
    acoes = [acao for (acao,) in importer.rows(Auditoria.acao)]
    assert [acao for acao in acoes if acao.startswith("militante.")] == ["militante.criar"] * 2 + [
        "militante.remover"
    ] * 2
    with importer.app.app_context():
        assert verify_chain(db.session).ok


def test_the_file_of_errors_asks_for_both_factors(quick: Importer) -> None:
    quick.give("nome;filiação\nAna;ontem\n")
    with quick.visitor.client.session_transaction() as cookie:
        del cookie["confirmado"]
    assert "/conta/confirmar" in quick.visitor.client.get(quick.path + "/lista/erros.csv").location


def test_a_conflict_is_decided_at_the_page(importer: Importer, org: Any) -> None:
    with importer.app.app_context():
        org.militante("Maria Antiga", matricula="1")
        org.militante("José Velho", matricula="2")
    page = importer.give("Matrícula;Nome;Admissão\n1;Primeira Nova;02/02/2020\n2;José Velhinho;02/02/2020\n")
    assert "A matrícula 1 é de Maria Antiga, e a linha diz Primeira Nova" in page
    assert "Nada a gravar" in page
    page = importer.act("decidir", decisao_2="outra pessoa", decisao_3="mesma pessoa")
    assert "Gravar 2 linhas" in page
    importer.act("gravar")
    assert sorted(importer.rows(Militante.nome)) == [("José Velhinho",), ("Maria Antiga",), ("Primeira Nova",)]
    importer.give("Matrícula;Nome;Admissão\n1;Outra;02/02/2020\n")
    assert "uma das respostas" in importer.act("decidir")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "O arquivo está vazio"),
        (b"%PDF-1.7", "é um PDF"),
        (b"PK\x03\x04x", "danificada"),
        (b"nada que se conhe\xe7a\n", "nomes das colunas"),
        (b"nome;NOME;filia\xc3\xa7\xc3\xa3o\n", "aparece duas vezes"),
    ],
)
def test_what_is_no_table_is_refused_in_words_and_not_kept(quick: Importer, content: bytes, sentence: str) -> None:
    answer = quick.visitor.submit("/importar", tipo="militantes", arquivo=(io.BytesIO(content), "x.csv"))
    assert sentence in quick.visitor.get(answer.location)
    assert quick.rows(Importacao.id) == []


def test_no_file_and_no_kind_are_told(quick: Importer) -> None:
    assert "Escolha o arquivo" in quick.visitor.send("/importar", tipo="militantes")
    answer = quick.visitor.submit("/importar", tipo="outra", arquivo=(io.BytesIO(b"x"), "x.csv"))
    assert "Escolha uma das opções" in quick.visitor.get(answer.location)


def test_whoever_may_not_do_it_by_hand_does_not_see_it_here(quick: Importer, visit: Visit) -> None:
    quick.give(GOOD)
    visit(Papel.LEITURA).get(quick.path, status=403)
    visit(Papel.LEITURA).get("/importar", status=403)
    # The treasury has files of its own kinds there.
    visit(Papel.TESOURARIA).get(quick.path, status=404)
    assert "lista.csv" not in visit(Papel.TESOURARIA).get("/importar")
    assert "lista.csv" in visit(Papel.SECRETARIA).get("/importar")


def test_a_page_that_waits_looks_again_without_a_script(quick: Importer) -> None:
    quick.give(GOOD)
    answer = quick.visitor.client.get(quick.path)
    assert "Refresh" not in answer.headers
    with quick.app.app_context():
        db.session.execute(sa.update(Importacao).values(estado=Estado.A_CONFERIR))
        db.session.commit()
    answer = quick.visitor.client.get(quick.path)
    assert answer.headers["Refresh"] == "2"
    assert "Conferindo as linhas" in answer.text
    # And asking made it go on.
    assert "Gravar 2 linhas" in quick.page()


def test_an_xlsx_is_taken_like_a_csv(quick: Importer) -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(2, 0, ("Nome", "Filiação", "Mensalidade"))
    sheet.write_row(3, 0, ("Ana", 31107, 25.5))
    book.close()
    assert "Gravar 1 linha" in quick.give(file.getvalue(), "lista.xlsx")
    quick.act("gravar")
    assert [str(day) for _, day in quick.rows(Militante.nome, Militante.data_filiacao)] == ["1985-03-01"]


def test_every_kind_has_a_name_and_a_permission() -> None:
    assert set(TIPO_NAMES) == set(PERMISSION_OF) == set(Tipo)
