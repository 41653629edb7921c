import threading
from collections.abc import Callable
from typing import Any

from controles.auditoria.models import Auditoria
from controles.importing.models import ImportacaoArquivo, ImportacaoLinha
from controles.militantes.models import Militante

from .conftest import GOOD, Importer

Visit = Callable[..., Any]


def test_columns_can_be_said_and_are_remembered_for_the_next_file(quick: Importer) -> None:
    content = "Sócia;Entrou em;E-mail\nAna;1/3/85;a@x.org\n"
    page = quick.give(content)
    assert "Falta dizer as colunas" in page
    assert "Faltam as colunas “nome” e “data de filiação”" in page
    page = quick.act("colunas", coluna_0="nome", coluna_1="data_filiacao", coluna_2="-")
    assert "Gravar 1 linha" in page
    quick.act("gravar")
    assert quick.rows(Militante.nome, Militante.email) == [("Ana", None)]
    page = quick.give(content)
    assert "Tudo o que há no arquivo já está cadastrado" in page
    # What the title says counts again once nobody says otherwise.
    page = quick.act("colunas", coluna_0="nome", coluna_1="data_filiacao", coluna_2="")
    assert "a@x.org" in page


def test_a_field_that_there_is_not_is_refused(quick: Importer) -> None:
    quick.give(GOOD)
    assert "um dos campos da lista" in quick.act("colunas", coluna_0="senha")


def test_a_file_is_thrown_away_with_all_that_was_read_of_it(quick: Importer) -> None:
    quick.give("nome;filiação\nAna;ontem\n")
    assert "Descartada" in quick.act("descartar")
    assert quick.rows(ImportacaoArquivo.importacao_id) + quick.rows(ImportacaoLinha.id) == []
    assert quick.visitor.client.get(quick.path + "/lista/erros.csv").status_code == 409
    assert "mudou de estado" in quick.visitor.send(quick.path, etapa="gravar")


def test_the_stored_file_says_nothing_to_who_reads_the_table(quick: Importer) -> None:
    quick.give(GOOD)
    ((content,),) = quick.rows(ImportacaoArquivo.conteudo)
    assert b"Prado" not in content
    assert b"529" not in content


def test_two_who_write_one_batch_at_once_write_it_once(importer: Importer, visit_any: Visit) -> None:
    importer.give(GOOD)
    others = [importer.visitor, visit_any(), visit_any()]
    start, locations = threading.Barrier(len(others)), []

    def press(visitor: Any) -> None:
        start.wait()
        locations.append(visitor.submit(importer.path, etapa="gravar").status_code)

    threads = [threading.Thread(target=press, args=(one,)) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert locations == [303] * 3
    assert "Gravada em" in importer.page()
    assert len(importer.rows(Militante.id)) == 2
    assert sum(acao == "importacao.gravar" for (acao,) in importer.rows(Auditoria.acao)) == 1
