from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from controles.db import db
from controles.importing import batch_work
from controles.importing.models import Estado, Importacao
from controles.importing.views import resume
from controles.militantes.models import Militante
from controles.services.background import background_of

from .conftest import GOOD, Importer

Visit = Callable[..., Any]


def test_what_a_killed_process_left_is_gone_on_with_when_the_next_one_starts(importer: Importer) -> None:
    importer.give(GOOD)
    with importer.app.app_context():
        # As the killed one left it: claimed, nothing written.
        db.session.execute(sa.update(Importacao).values(estado=Estado.A_GRAVAR, trabalho="morto", tentativas=1))
        db.session.commit()
    resume(importer.app)
    while not importer.rows(Militante.id):
        assert background_of(importer.app).join(60)
    assert "Gravada em" in importer.page()


def test_a_file_that_stops_the_work_each_time_is_given_up(quick: Importer) -> None:
    quick.give(GOOD)
    with quick.app.app_context():
        db.session.execute(sa.update(Importacao).values(estado=Estado.A_GRAVAR, tentativas=3))
        db.session.commit()
    quick.visitor.get(quick.path)
    page = quick.page()
    assert "parou 3 vezes" in page
    assert "Gravar 2 linhas" in page
    assert quick.rows(Militante.id) == []


def test_a_failure_is_told_and_nothing_is_half_written(quick: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    quick.give(GOOD)

    def fail(*_args: object, **_named: object) -> None:
        raise RuntimeError("disk")

    monkeypatch.setattr(batch_work, "_insert", fail)
    page = quick.act("gravar")
    assert "parou por um erro do programa" in page
    assert quick.rows(Militante.id) == []
    monkeypatch.undo()
    assert "Gravada em" in quick.act("gravar")


def test_a_batch_that_another_worker_took_over_is_rolled_back(importer: Importer, clock: Any) -> None:
    importer.give(GOOD)
    with importer.app.app_context():
        importacao_id = db.session.scalars(sa.select(Importacao.id)).one()
        db.session.execute(sa.update(Importacao).values(estado=Estado.A_GRAVAR))
        db.session.commit()
        mine = batch_work._claim(importacao_id, "eu")
        assert mine is not None
        other = batch_work._claim(importacao_id, "outro")
        assert other is not None
        work = batch_work._Work(importacao_id, "eu", mine, lambda _share: None, clock)
        with pytest.raises(Exception, match="Outro processo assumiu"):
            work.run()
    assert importer.rows(Militante.id) == []


def test_what_was_checked_before_the_data_changed_is_not_written_blindly(importer: Importer, org: Any) -> None:
    importer.give("matrícula;nome;filiação\n9;Ana Prado;1/3/85\n")
    with importer.app.app_context():
        org.militante("Outra Pessoa", matricula="9")
    page = importer.act("gravar")
    assert "Os dados mudaram depois da conferência" in page
    assert "A matrícula 9 é de Outra Pessoa" in page
    assert importer.rows(Militante.nome) == [("Outra Pessoa",)]
