import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from controles.db import db
from controles.militantes.models import Militante

Run = Callable[..., Result]
GOOD = "nome;filiação;time\nAna;01/02/2020;Bahia\nBia;2021-02-03;Sport\n"
BROKEN = "nome;filiação;cpf\nAna;01/02/2020;\nBia;31/02/2021;123\n;01/01/2020;\n"


@pytest.fixture
def run(make_app: Callable[..., Flask], sqlite_url: str, tmp_path: Path) -> Run:
    """Runs the command on a file of this content."""
    path = tmp_path / "militantes.csv"

    def run(content: str | bytes, *options: str, **overrides: str) -> Result:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        app = make_app(**{"DATABASE_URL": sqlite_url, **overrides})
        return app.test_cli_runner().invoke(args=["import-militantes", str(path), *options])

    return run


@pytest.fixture
def written(make_app: Callable[..., Flask], sqlite_url: str) -> Callable[[], int]:
    def written() -> int:
        with make_app(DATABASE_URL=sqlite_url).app_context():
            return db.session.scalar(select(func.count(Militante.id))) or 0

    return written


def test_only_checks_unless_told_to_commit(run: Run, written: Callable[[], int]) -> None:
    result = run(GOOD)
    assert result.exit_code == 0, result.output
    assert "Aviso: A coluna “time” não é conhecida" in result.output
    assert "2 novos, 0 atualizados, 0 iguais, 0 erros." in result.output
    assert "repita com --commit" in result.output
    assert written() == 0


def test_commits_and_the_second_time_finds_nothing_to_do(run: Run, written: Callable[[], int]) -> None:
    assert "Tudo foi gravado." in run(GOOD, "--commit").output
    assert written() == 2
    again = run(GOOD, "--commit")
    assert again.exit_code == 0
    assert "0 novos, 0 atualizados, 2 iguais, 0 erros." in again.output
    assert "Não há nada a gravar." in again.output


def test_lists_every_fault_with_row_and_column_and_exits_with_one(run: Run, written: Callable[[], int]) -> None:
    result = run(BROKEN, "--commit")
    assert result.exit_code == 1
    assert "linha 3, coluna “filiação”: “31/02/2021” não existe" in result.output
    assert "linha 3, coluna “cpf”: O CPF precisa ter 11 dígitos" in result.output
    assert "linha 4, coluna “nome”: Informe o nome" in result.output
    assert "1 novos, 0 atualizados, 0 iguais, 2 erros." in result.output
    assert "Nada foi gravado, porque há erros" in result.output
    assert written() == 0


def test_writes_the_right_rows_on_request_and_still_exits_with_one(run: Run, written: Callable[[], int]) -> None:
    result = run(BROKEN, "--commit", "--valid-only")
    assert result.exit_code == 1
    assert "As linhas certas foram gravadas; as outras, não." in result.output
    assert written() == 1


def test_valid_only_means_nothing_without_commit(run: Run) -> None:
    result = run(BROKEN, "--valid-only")
    assert result.exit_code == 2
    assert "--commit" in result.output


def test_the_broken_rows_go_to_a_file_that_can_be_corrected_and_imported(
    run: Run, written: Callable[[], int], tmp_path: Path
) -> None:
    errors = tmp_path / "errors.csv"
    result = run(BROKEN, "--commit", "--valid-only", "--errors-only", str(errors))
    assert f"estão em {errors}" in result.output.replace("\n", "")
    assert errors.read_bytes().startswith(b"\xef\xbb\xbf")
    with errors.open(encoding="utf-8-sig", newline="") as opened:
        header, *rows = csv.reader(opened, delimiter=";")
    assert header == ["erros", "nome", "filiação", "cpf"]
    assert [row[1:] for row in rows] == [["Bia", "31/02/2021", "123"], ["", "01/01/2020", ""]]
    assert rows[0][0].startswith("linha 3: filiação: “31/02/2021” não existe no calendário")
    assert "cpf: O CPF precisa" in rows[0][0]
    corrected = errors.read_text("utf-8-sig").replace("31/02", "28/02").replace(";123", ";").replace(";;01", ";Cida;01")
    result = run(corrected, "--commit", "--errors-only", str(tmp_path / "none.csv"))
    assert result.exit_code == 0, result.output
    assert "Aviso" not in result.output
    assert "não foi escrito" in result.output
    assert not (tmp_path / "none.csv").exists()
    assert written() == 3


def test_faulty_rows_keep_every_character(run: Run, tmp_path: Path) -> None:
    errors = tmp_path / "errors.csv"
    run('nome,filiação\n"Ana,2020-01-01\nBia,20,00\nCida,2020-01-01\n', "--errors-only", str(errors))
    with errors.open(encoding="utf-8-sig", newline="") as opened:
        _, *rows = csv.reader(opened)
    assert [row[1:] for row in rows] == [['"Ana', "2020-01-01"], ["Bia", "20", "00"]]


def test_the_file_of_errors_is_never_the_file_itself(run: Run, tmp_path: Path) -> None:
    result = run(BROKEN, "--errors-only", str(tmp_path / "militantes.csv"))
    assert result.exit_code == 1
    assert "não pode ser o próprio arquivo" in result.output
    assert (tmp_path / "militantes.csv").read_text() == BROKEN


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "vazio"),
        (b"\x89PNG\0\0", "não é texto"),
        (b"PK\x03\x04", "danificada"),
        (b"cpf;email\n", "obrigatórias"),
        (b"qualquer coisa\n", "nomes das colunas"),
    ],
)
def test_a_file_that_is_no_table_gets_a_sentence(run: Run, content: bytes, message: str) -> None:
    result = run(content)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert message in result.output


def test_a_folder_that_is_not_there_gets_a_sentence(run: Run, written: Callable[[], int], tmp_path: Path) -> None:
    result = run(BROKEN, "--commit", "--valid-only", "--errors-only", str(tmp_path / "none" / "errors.csv"))
    assert result.exit_code == 1
    assert "Não foi possível ler ou escrever" in result.output
    assert written() == 0


def test_a_database_without_tables_gets_a_sentence(run: Run, tmp_path: Path) -> None:
    result = run(GOOD, DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    assert result.exit_code == 1
    assert "db-upgrade" in result.output


def test_a_review_shows_before_and_after_and_what_has_to_be_decided(run: Run, written: Callable[[], int]) -> None:
    header = "matrícula;nome;filiação;e-mail\n"
    run(header + "1;Ana;01/02/2020;a@x.org\n2;Bia;01/02/2020;b@x.org\n", "--commit")
    result = run(header + "1;Ana;01/02/2020;nova@x.org\n2;Caio;01/02/2020;c@x.org\n;Total: 2;;\n")
    assert "linha 2: altera Ana, matrícula 1: e-mail: a@x.org → nova@x.org" in result.output
    assert "linha 3, coluna “nome”: conflito: A matrícula 2 é de Bia, e a linha diz Caio." in result.output
    assert "linha 4: “Total: 2” é um total" in result.output
    assert "0 novos, 1 atualizados, 0 iguais, 0 erros, 1 conflitos a decidir." in result.output
    assert result.exit_code == 1
