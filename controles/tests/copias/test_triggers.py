"""The audit's rows can be removed within the block, and by nobody before or after it."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.auditoria.audit import missing_triggers
from controles.auditoria.models import Auditoria
from controles.copias.triggers import audit_open_for_owner
from controles.db import db
from controles.services.transaction import transaction

DELETE = sa.text("DELETE FROM auditoria").execution_options(frescor_reads=(), frescor_writes=())


@pytest.fixture
def entered(sqlite_app: Flask, org: Any) -> None:  # the application has to be there
    org.militante("Ana")
    db.session.rollback()


def test_the_audit_is_open_within_the_block_alone(entered: None, clock: Any) -> None:
    with transaction() as session:
        with audit_open_for_owner(session.connection()):
            assert session.execute(DELETE).rowcount > 0  # type: ignore[attr-defined]
        assert missing_triggers(session) == ()
    with transaction() as session:
        audit.record(session, acao="teste", depois={}, usuario_id=None, agora=clock.now)
    with pytest.raises(sa.exc.DatabaseError), transaction() as session:
        session.execute(DELETE)


def test_a_block_that_fails_leaves_the_audit_as_it_was(entered: None) -> None:
    def fails() -> None:
        with transaction() as session, audit_open_for_owner(session.connection()):
            session.execute(DELETE)
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    assert missing_triggers(db.session) == ()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Auditoria))
