import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from controles.auditoria.audit import verify_chain
from controles.auditoria.models import Auditoria
from controles.db import db
from controles.domain import cpf
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.escopo import Escopo
from controles.importing.checking import CheckedRow
from controles.importing.services import Listener, Resumo, import_militantes, review_militantes
from controles.militantes.models import Militante, Nucleo, Situacao, SituacaoHistorico
from controles.militantes.services import DadosMilitante, create_militante
from controles.militantes.standing import Mudanca, end_membership
from controles.services.cache_service import cache_service
from frescor.sqlalchemy import table_tag

HOJE = dt.date(2026, 3, 17)
AGORA = dt.datetime(2026, 3, 17, 15, 0, tzinfo=dt.UTC)
HEADER = "matrícula;nome;nome social;cpf;nascimento;e-mail;telefone;núcleo;filiação;dia;isento;valor da cota;situação\n"
ANA = "7001;Ana d'Ávila;;529.982.247-25;05/03/1980;ana@example.org;11900000000;sao paulo - centro;01/02/2020;5;não;1.234,56;ativo\n"  # noqa: E501
BIA = ";Bia Souza;;;;;;;2021-06-07;;;;\n"

Faults = list[tuple[int, str | None, str]]


class File:
    """A file to import, and what was said of its rows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: Faults = []
        self.changes: list[tuple[int, str, str, object, object]] = []
        self.passed: list[int] = []

    def write(self, *lines: str, header: str = HEADER) -> "File":
        self.path.write_text(header + "".join(lines), encoding="utf-8")
        return self

    def review(self) -> Resumo:
        return review_militantes(self.path, hoje=HOJE, listener=self._listener())

    def commit(self, *, valid_only: bool = False) -> Resumo:
        return import_militantes(
            self.path,
            valid_only=valid_only,
            autor_id=None,
            agora=AGORA,
            hoje=HOJE,
            listener=self._listener(),
        )

    def _listener(self) -> Listener:
        self.faults, self.changes, self.passed = [], [], []
        return Listener(
            faulty=self._hear, changing=self._hear_change, passed=lambda row: self.passed.append(row.record.number)
        )

    def _hear_change(self, row: CheckedRow) -> None:
        self.changes += [(row.record.number, row.de, one.column, one.antes, one.depois) for one in row.alteracoes]

    def _hear(self, row: CheckedRow) -> None:
        self.faults += [(row.record.number, fault.column, fault.message) for fault in row.faults]


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "militantes.csv")


@pytest.fixture(autouse=True)
def nucleo(request: pytest.FixtureRequest) -> int:
    """One núcleo, in whichever application the test has."""
    request.getfixturevalue("app" if "app" in request.fixturenames else "sqlite_app")
    nucleo = Nucleo(nome="São Paulo – Centro", uf="SP", municipio="São Paulo")
    db.session.add(nucleo)
    db.session.commit()
    return nucleo.id


def create(**values: object) -> int:
    dados = DadosMilitante(**{"nome": "Ana d'Ávila", "data_filiacao": dt.date(2020, 2, 1), **values})  # type: ignore[arg-type]
    return create_militante(Escopo(), dados, autor_id=None, agora=AGORA)


def militantes() -> list[Militante]:
    db.session.rollback()
    return list(db.session.scalars(select(Militante).order_by(Militante.id)))


def audited(acao: str) -> int:
    return db.session.scalar(select(func.count(Auditoria.id)).where(Auditoria.acao == acao)) or 0


def test_writes_new_militantes_as_a_form_would(app: Flask, file: File, nucleo: int) -> None:
    assert file.write(ANA, BIA).commit() == Resumo(2, 0, 0, 0, gravado=True)
    ana, bia = militantes()
    assert (ana.matricula, ana.nome, ana.nome_busca, ana.valor_cota) == ("7001", "Ana d'Ávila", "ana davila", 123456)
    assert ana.cpf_cifrado is not None
    assert cpf.vault().decrypt(ana.cpf_cifrado) == "52998224725"
    assert (ana.nucleo_id, ana.nascimento, ana.dia_vencimento) == (nucleo, dt.date(1980, 3, 5), 5)
    assert (bia.data_filiacao, bia.dia_vencimento, bia.isento, bia.valor_cota) == (dt.date(2021, 6, 7), 10, False, 2000)
    assert bia.matricula == "000001"
    assert bia.cpf_hmac is None
    standings = db.session.execute(select(SituacaoHistorico.militante_id, SituacaoHistorico.situacao)).all()
    assert set(standings) == {(ana.id, Situacao.ATIVO), (bia.id, Situacao.ATIVO)}
    assert (audited("militante.criar"), audited("militantes.importar")) == (2, 1)
    assert verify_chain(db.session).ok


def test_a_review_writes_nothing(file: File) -> None:
    assert file.write(ANA, BIA).review() == Resumo(2, 0, 0, 0, gravado=False)
    assert militantes() == []
    assert audited("militantes.importar") == 0


def test_the_same_file_again_changes_nothing(app: Flask, file: File) -> None:
    file.write(ANA, BIA).commit()
    rows = db.session.scalar(select(func.count(Auditoria.id)))
    before = [(one.id, one.versao) for one in militantes()]
    assert file.review() == Resumo(0, 0, 2, 0, gravado=False)
    assert file.commit() == Resumo(0, 0, 2, 0, gravado=False)
    assert [(one.id, one.versao) for one in militantes()] == before
    assert db.session.scalar(select(func.count(Auditoria.id))) == rows


def test_updates_by_matricula_and_an_empty_cell_leaves_what_is_there(app: Flask, file: File) -> None:
    create(matricula="7001", email="antigo@example.org", telefone="11900000001", cpf="52998224725")
    file.write("7001;Ana d'Ávila;;;;novo@example.org;;;;;;50,00;\n")
    assert file.commit() == Resumo(0, 1, 0, 0, gravado=True)
    (ana,) = militantes()
    assert (ana.valor_cota, ana.email, ana.telefone) == (5000, "novo@example.org", "11900000001")
    assert ana.cpf_hmac == cpf.vault().digest("52998224725")
    assert ana.versao == 2
    entry = db.session.scalars(select(Auditoria).where(Auditoria.acao == "militante.alterar")).one()
    assert entry.antes == {"valor_cota": 2000, "email": "antigo@example.org"}
    assert entry.depois == {"valor_cota": 5000, "email": "novo@example.org", "versao": 2}


def test_finds_by_cpf_and_adds_a_cpf_that_was_missing(file: File) -> None:
    create(matricula="A1", cpf="52998224725")
    create(matricula="A2", nome="Bia", data_filiacao=dt.date(2021, 1, 1))
    file.write(";Ana d'Ávila;;529.982.247-25;;;;;01/02/2020;20;;;\n", "A2;;;11144477735;;;;;;;;;\n")
    assert file.commit() == Resumo(0, 2, 0, 0, gravado=True)
    ana, bia = militantes()
    assert ana.dia_vencimento == 20
    assert bia.cpf_hmac == cpf.vault().digest("11144477735")
    entry = db.session.scalars(select(Auditoria).where(Auditoria.registro_id == bia.id).order_by(Auditoria.id)).all()[
        -1
    ]
    assert entry.depois == {"cpf": "***.444.777-**", "versao": 2}


@pytest.mark.parametrize(("stored", "written"), [("000123", "123"), ("123", "000123"), ("X-9", "X-9")])
def test_a_matricula_that_lost_its_zeros_is_the_same(file: File, stored: str, written: str) -> None:
    create(matricula=stored)
    assert file.write(f"{written};Ana d'Ávila;;;;;;;;;;;\n").review().iguais == 1


def test_without_numbers_the_name_and_the_dates_say_who_it_is(file: File) -> None:
    create(nascimento=dt.date(1980, 1, 1))
    same = ";ANA D’AVILA;;;;;;;01/02/2020;;;;\n"
    other_birth = ";Ana d'Ávila;;;02/02/1990;;;;01/02/2020;;;;\n"
    other_joining = ";Ana d'Ávila;;;;;;;01/02/2021;;;;\n"
    assert file.write(same).review().iguais == 1
    assert file.write(other_birth).review().novos == 1
    assert file.write(other_joining).review().novos == 1


def test_two_homonyms_need_a_number(file: File) -> None:
    create(matricula="A1")
    create(matricula="A2")
    assert file.write(";Ana d'Ávila;;;;;;;01/02/2020;;;;\n").review().conflitos == 1
    assert file.faults[0][2].startswith("Há mais de um militante com este nome e filiação (A1, A2)")


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("A1;Ana d'Ávila;;111.444.777-35;;;;;01/02/2020;;;;\n", "matrícula", "outro CPF"),
        ("A2;Outra;;529.982.247-25;;;;;01/02/2020;;;;\n", "cpf", "já é do militante de matrícula A1"),
        (";;;;;;;;01/02/2020;;;;\n", "nome", "Informe o nome"),
        (";Caio;;;;;;;;;;;\n", "filiação", "Informe a data de filiação"),
        (";Caio;;;;;;;18/03/2026;;;;\n", "filiação", "ainda não chegou"),
        (";Caio;;123;;;;;01/01/2020;;;;\n", "cpf", "11 dígitos"),
        (";Caio;;;01/01/2021;;;;01/01/2020;;;;\n", "nascimento", "anterior à filiação"),
        (";Caio;;;;caio;;;01/01/2020;;;;\n", "e-mail", "nome@exemplo.org.br"),
        (";Caio;;;;;;São Paulo Centr;01/01/2020;;;;\n", "núcleo", "Seria “São Paulo – Centro”"),
        (";Caio;;;;;;;01/01/2020;29;;;\n", "dia", "1 a 28"),
        (";Caio;;;;;;;01/01/2020;;quiçá;;\n", "isento", "sim ou não"),
        (";Caio;;;;;;;01/01/2020;;;0,00;\n", "valor da cota", "R$ 0,01"),
        (";Caio;;;;;;;01/01/2020;;;1,2,3;\n", "valor da cota", "não é um valor"),
        (";Caio;;;;;;;01/01/2020;;;;desligado\n", "situação", "cadastra militantes ativos"),
        ("A1;;;;;;;;;;;;licenciado\n", "situação", "está ativo e a linha diz licenciado"),
        (f";{'x' * 161};;;;;;;01/01/2020;;;;\n", "nome", "cabem 160"),
        (";Ca\u200bio;;;;;;;01/01/2020;;;;\n", "nome", "não se veem"),
    ],
)
def test_says_which_cell_is_wrong_and_what_to_do(file: File, line: str, column: str, message: str) -> None:
    create(matricula="A1", cpf="52998224725")
    assert file.write(line).review().erros == 1
    ((row, where, what),) = file.faults
    assert (row, where) == (2, column)
    assert message in what


def test_says_all_that_is_wrong_with_a_row_from_left_to_right(file: File) -> None:
    file.write("7001;;;123;99/99/9999;x;;Nenhum;31/02/2020;30;quiçá;abc;morto\n").review()
    assert [column for _, column, _ in file.faults] == [
        "nome", "cpf", "nascimento", "e-mail", "núcleo", "filiação", "dia", "isento", "valor da cota", "situação",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "column", "message"),
    [
        ("123;Um;;;;;;;01/01/2020;;;;\n", "000123;Dois;;;;;;;01/01/2020;;;;\n", "matrícula", "linha 2"),
        (";Um;;529.982.247-25;;;;;01/01/2020;;;;\n", ";Dois;;52998224725;;;;;01/01/2020;;;;\n", "cpf", "linha 2"),
        (";Um;;;;;;;01/01/2020;;;;\n", ";um;;;;;;;2020-01-01;;;;\n", "nome", "A linha 2 tem o mesmo nome"),
        ("5;Um;;;;;;;01/01/2020;;;;\n", ";Um;;;;;;;01/01/2020;;;;\n", "nome", "A linha 2 tem o mesmo nome"),
        ("A1;;;;;;;;;;;;\n", ";Ana;;52998224725;;;;;01/01/2020;;;;\n", "nome", "do mesmo militante"),
    ],
)
def test_the_second_of_two_rows_about_one_person_is_a_fault(
    file: File, first: str, second: str, column: str, message: str
) -> None:
    create(matricula="A1", cpf="52998224725" if first.startswith("A1") else None)
    assert file.write(first, second).review().erros == 1
    ((row, where, what),) = file.faults
    assert (row, where) == (3, column)
    assert message in what


def test_homonyms_with_numbers_of_their_own_are_two_people(file: File) -> None:
    file.write("5;Um;;;;;;;01/01/2020;;;;\n", "6;Um;;;;;;;01/01/2020;;;;\n")
    assert file.review() == Resumo(2, 0, 0, 0, gravado=False)


def test_one_wrong_row_and_nothing_is_written(app: Flask, file: File) -> None:
    assert file.write(ANA, ";Sem Data;;;;;;;;;;;\n").commit() == Resumo(1, 0, 0, 1, gravado=False)
    assert militantes() == []
    assert audited("militantes.importar") == 0


def test_the_right_rows_alone_are_written_on_request(app: Flask, file: File) -> None:
    assert file.write(ANA, ";Sem Data;;;;;;;;;;;\n", BIA).commit(valid_only=True) == Resumo(2, 0, 0, 1, gravado=True)
    assert [one.nome for one in militantes()] == ["Ana d'Ávila", "Bia Souza"]


def test_a_free_matricula_is_none_that_a_later_row_asks_for(file: File) -> None:
    file.write(BIA, "1;Caio;;;;;;;01/01/2020;;;;\n", ";Davi;;;;;;;01/01/2020;;;;\n")
    assert file.commit().novos == 3
    assert [one.matricula for one in militantes()] == ["000002", "1", "000003"]


def test_a_row_may_repeat_the_standing_of_somebody_who_left(file: File) -> None:
    identity = create(matricula="A1")
    left = dt.date(2025, 1, 1)
    end_membership(
        Escopo(), Mudanca(militante_id=identity, data=left, motivo=None, versao=1, autor_id=None, agora=AGORA)
    )
    assert file.write("A1;;;;;;;;;;;;inativo\n").review().iguais == 1
    assert file.write("A1;;;;;;;;02/01/2025;;;;\n").review().erros == 1
    assert "posterior ao desligamento" in file.faults[0][2]


def test_an_inactive_nucleo_takes_nobody_new(file: File, nucleo: int) -> None:
    create(matricula="A1", nucleo_id=nucleo)
    db.session.get_one(Nucleo, nucleo).ativo = False
    db.session.commit()
    line = "{};{};;;;;;São Paulo – Centro;01/02/2020;;;;\n"
    assert file.write(line.format("A1", "Ana d'Ávila")).review().iguais == 1
    assert file.write(line.format("A2", "Bia")).review().erros == 1
    assert "inativo" in file.faults[0][2]


def test_many_rows_go_through_in_parts(app: Flask, file: File) -> None:
    lines = [f"{number};Pessoa {number};;;;;;;01/01/2020;;;;\n" for number in range(1, 1203)]
    assert file.write(*lines).commit() == Resumo(1202, 0, 0, 0, gravado=True)
    lines[1000] = "1001;Pessoa 1001;;;;;;;01/01/2020;28;;;\n"
    assert file.write(*lines).commit() == Resumo(0, 1, 1201, 0, gravado=True)
    assert verify_chain(db.session).ok


def test_a_file_without_the_mandatory_columns_is_refused_whole(file: File) -> None:
    with pytest.raises(Invalid, match="data de filiação"):
        file.write("Ana\n", header="nome\n").commit()


def test_a_file_that_changes_meanwhile_is_refused(file: File) -> None:
    file.write(ANA, BIA)

    def tamper(_bytes: int) -> None:
        file.path.write_text(HEADER + BIA, encoding="utf-8")

    with pytest.raises(Conflict, match="mudou enquanto"):
        import_militantes(
            file.path, valid_only=False, autor_id=None, agora=AGORA, hoje=HOJE, listener=Listener(progress=tamper)
        )
    assert militantes() == []


def test_what_was_cached_before_is_forgotten(file: File) -> None:
    cache = cache_service().cache
    cache.set("before", 1, 300, tags=(table_tag(Militante),))
    file.write(ANA).commit()
    assert cache.get("before") is None


def test_a_form_that_is_sent_meanwhile_waits_and_gets_another_matricula(
    postgres_app: Flask, file: File, make_app: Callable[..., Flask]
) -> None:
    """The import holds the lock when the form starts; both end, and no two militantes have one number."""
    file.write(BIA)
    results: list[int] = []

    def form() -> None:
        with postgres_app.app_context():
            results.append(create(nome="Da Tela"))

    thread = threading.Thread(target=form)
    started = threading.Event()

    def meanwhile(_bytes: int) -> None:
        if not started.is_set():
            started.set()
            thread.start()

    import_militantes(
        file.path, valid_only=False, autor_id=None, agora=AGORA, hoje=HOJE, listener=Listener(progress=meanwhile)
    )
    thread.join(timeout=30)
    assert len(results) == 1
    assert [one.matricula for one in militantes()] == ["000001", "000002"]


SHORT = "Matrícula;Nome;Admissão;Mensalidade\n"
THREE = (
    "1;Primeira da Silva Nova;02/02/2020;15,00\n",
    "2;Segundo de Souza Novo;03/02/2020;15,00\n",
    "3;Terceira Lima;04/02/2020;15,00\n",
)


def test_a_sheet_that_is_only_numbered_replaces_nobody(app: Flask, file: File) -> None:
    people = [
        create(nome=nome, nascimento=dt.date(1980, 1, 1), email="x@example.org") for nome in ("Um", "Dois", "Três")
    ]
    before = [(one.nome, one.versao) for one in militantes()]
    assert file.write(*THREE, header=SHORT).commit(valid_only=True) == Resumo(0, 0, 0, 0, gravado=False, conflitos=3)
    assert [(one.nome, one.versao) for one in militantes()] == before
    assert len(people) == 3
    assert file.faults[0][:2] == (2, "Nome")
    assert "A matrícula 000001 é de Um, e a linha diz Primeira da Silva Nova" in file.faults[0][2]


def test_conflicts_keep_the_other_rows_from_being_written_as_faults_do(file: File) -> None:
    create(nome="Um")
    assert file.write(*THREE, header=SHORT).commit() == Resumo(2, 0, 0, 0, gravado=False, conflitos=1)
    assert file.commit(valid_only=True) == Resumo(2, 0, 0, 0, gravado=True, conflitos=1)
    assert [one.nome for one in militantes()] == ["Um", "Segundo de Souza Novo", "Terceira Lima"]


def test_what_was_decided_about_a_conflict_is_done(app: Flask, file: File) -> None:
    create(nome="Um", email="um@example.org")
    create(nome="Dois")
    file.write(
        "1;Primeira Nova;02/02/2020;mesma pessoa\n",
        "2;Segunda Nova;03/02/2020;outra pessoa\n",
        header="Matrícula;Nome;Admissão;Decisão\n",
    )
    assert file.commit() == Resumo(1, 1, 0, 0, gravado=True)
    found = [(one.matricula, one.nome, one.email) for one in militantes()]
    assert found == [
        ("000001", "Primeira Nova", "um@example.org"),
        ("000002", "Dois", None),
        ("000003", "Segunda Nova", None),
    ]


@pytest.mark.parametrize(
    ("stored", "line", "column", "message"),
    [
        (
            {"matricula": "7", "nascimento": dt.date(1980, 1, 1)},
            "7;Ana d'Ávila;;;02/01/1980;;;;01/02/2020;;;;\n",
            "nascimento",
            "que nasceu em 01/01/1980",
        ),
        ({"matricula": "7"}, "07;Ana Souza;;;;;;;01/02/2020;;;;\n", "nome", "A matrícula 7 é de Ana d'Ávila"),
        ({"matricula": "007"}, "7;Outra;;;;;;;01/02/2020;;;;\n", "nome", "A matrícula 007 é de"),
        ({"matricula": "7"}, "7;Outra;;52998224725;;;;;01/02/2020;;;;\n", "nome", "e a linha diz Outra"),
        ({"cpf": "52998224725"}, ";José;;52998224725;;;;;01/02/2020;;;;\n", "nome", "Este CPF é de Ana d'Ávila"),
        (
            {"cpf": "52998224725", "nascimento": dt.date(1980, 1, 1)},
            ";Ana Lima;;52998224725;02/02/1990;;;;01/02/2020;;;;\n",
            "nome",
            "Este CPF é de",
        ),
        (
            {"matricula": "7"},
            "8;Ana d'Ávila;;;;;;;01/02/2020;;;;\n",
            "nome",
            "Já há um militante com este nome, matrícula 7",
        ),
        (
            {"email": "ana@example.org"},
            ";Ana d'Ávila;;;;ANA@example.org;;;01/02/2024;;;;\n",
            "filiação",
            "filiado em 01/02/2020",
        ),
        (
            {"nascimento": dt.date(1980, 1, 1)},
            ";Ana d'Ávila;;;01/01/1980;;;;01/02/2024;;;;\n",
            "filiação",
            "filiado em 01/02/2020",
        ),
    ],
)
def test_a_row_that_could_be_about_somebody_else_is_a_conflict_with_row_and_column(
    file: File, stored: dict[str, object], line: str, column: str, message: str
) -> None:
    create(**stored)
    assert file.write(line).commit(valid_only=True) == Resumo(0, 0, 0, 0, gravado=False, conflitos=1)
    ((row, where, what),) = file.faults
    assert (row, where) == (2, column)
    assert message in what
    assert [one.versao for one in militantes()] == [1]


@pytest.mark.parametrize(
    ("stored", "line"),
    [
        ({"matricula": "001"}, "1;Ana d'Ávila;;;;;;;01/02/2020;20;;;\n"),
        ({"cpf": "52998224725"}, ";Ana d'Ávila Souza;;52998224725;;;;;01/02/2020;20;;;\n"),
        (
            {"cpf": "52998224725", "nascimento": dt.date(1980, 1, 1)},
            ";Joana;;52998224725;01/01/1980;;;;01/02/2020;;;;\n",
        ),
        ({}, ";Ana d'Ávila;;52998224725;;;;;01/02/2020;20;;;\n"),
    ],
)
def test_a_row_that_is_clearly_about_somebody_updates_them(file: File, stored: dict[str, object], line: str) -> None:
    create(**stored)
    assert file.write(line).commit() == Resumo(0, 1, 0, 0, gravado=True)


def test_two_numbers_that_differ_in_their_zeros_alone_need_them(file: File) -> None:
    create(matricula="07")
    create(matricula="0007")
    assert file.write("7;Ana d'Ávila;;;;;;;01/02/2020;;;;\n").review().erros == 1
    assert "escreva-a com os zeros" in file.faults[0][2]
    assert file.write("07;Ana d'Ávila;;;;;;;01/02/2020;;;;\n").review().iguais == 1


def test_a_review_shows_before_and_after_of_each_change(file: File, nucleo: int) -> None:
    create(matricula="7", email="antes@example.org", cpf="52998224725")
    file.write("7;ANA D'AVILA;;;;depois@example.org;;sao paulo - centro;01/02/2020;;sim;;\n").review()
    de = "Ana d'Ávila, matrícula 7"
    assert file.changes == [
        (2, de, "e-mail", "antes@example.org", "depois@example.org"),
        (2, de, "núcleo", None, "São Paulo – Centro"),
        (2, de, "isento", False, True),
    ]


def test_a_name_in_capitals_or_without_its_accents_replaces_none_that_is_written_better(file: File) -> None:
    create(matricula="7", nome="José d'Ávila")
    for written in ("JOSÉ D'ÁVILA", "jose davila", "Jose dAvila"):
        assert file.write(f"7;{written};;;;;;;01/02/2020;;;;\n").review().iguais == 1
    assert file.write("7;José D'ávila;;;;;;;01/02/2020;;;;\n").review().atualizados == 1


INPUTS = Path(__file__).parent / "sheets"


@pytest.mark.parametrize(
    ("name", "resumo"),
    [
        ("google_forms.csv", Resumo(2, 0, 0, 0, gravado=True)),
        ("merged.csv", Resumo(2, 0, 0, 0, gravado=True)),
        ("heading_in_line_3.csv", Resumo(2, 0, 0, 0, gravado=True)),
        ("electoral_court.csv", Resumo(1, 0, 0, 2, gravado=True)),
        ("dates.csv", Resumo(7, 0, 0, 5, gravado=True)),
    ],
)
def test_sheets_as_people_have_them_are_imported_or_refused_row_by_row(
    app: Flask, file: File, name: str, resumo: Resumo
) -> None:
    file.path = INPUTS / name
    assert file.commit(valid_only=True) == resumo
    assert len(militantes()) == resumo.novos
    # The same sheet again writes nothing: each person is known.
    assert file.commit(valid_only=True).novos == 0


def test_the_foot_of_a_list_is_no_person(file: File) -> None:
    file.path = INPUTS / "heading_in_line_3.csv"
    file.review()
    assert (file.passed, file.faults) == ([8], [])
