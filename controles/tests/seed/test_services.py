import datetime as dt
import hashlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from controles.auditoria.audit import verify_chain
from controles.auditoria.models import Auditoria
from controles.contas.models import Papel, Usuario
from controles.cotas.models import Cota
from controles.db import Base, db
from controles.domain import cpf
from controles.domain.domain_errors import Conflict
from controles.domain.escopo import Escopo
from controles.lembretes.models import SemLembrete
from controles.militantes.models import Militante, Nucleo, Situacao, SituacaoHistorico
from controles.militantes.services import DadosMilitante, create_militante
from controles.organizacao.queries import get_organizacao, get_primeiros_passos
from controles.pagamentos.models import Alocacao, Metodo, Pagamento
from controles.pagamentos.services import NovoPagamento, register_pagamento, reverse_pagamento
from controles.schema.tables import metadata
from controles.seed.profiles import PROFILES, Profile
from controles.seed.services import Seeded, seed_database
from controles.seed.writing import TABLES
from controles.services.cache_service import cache_service
from frescor.sqlalchemy import table_tag

HOJE = dt.date(2026, 3, 17)
AGORA = dt.datetime(2026, 3, 17, 15, 0, tzinfo=dt.UTC)
DEMO = PROFILES["demo"]


def seed(profile: Profile = DEMO, *, hoje: dt.date = HOJE, replace: bool = False) -> Seeded:
    return seed_database(profile, hoje=hoje, agora=AGORA, vault=cpf.vault(), replace=replace)


def one(statement: sa.Select[int]) -> int:
    return db.session.execute(statement).scalar_one()


def offending(statement: sa.Select[int] | sa.Select[int | None]) -> list[int | None]:
    return list(db.session.scalars(statement.limit(5)))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def organisation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Some 1,500 militantes, seeded once for the tests that only read."""
    build = request.getfixturevalue("build_app")
    app: Flask = build(request.param, tmp_path_factory.mktemp("organisation"))
    with app.app_context():
        seed(Profile("test", militantes=1500, nucleos=60))
        yield app


@pytest.mark.usefixtures("organisation")
class TestInvariants:
    def test_the_organisation_has_a_name_and_needs_no_first_steps(self) -> None:
        assert get_organizacao().nome
        assert get_primeiros_passos().falta == ()

    def test_a_cota_is_paid_what_its_allocations_say_and_no_more_than_it_is_worth(self) -> None:
        allocated = func.coalesce(func.sum(Alocacao.centavos), 0)
        sums = select(Cota.id).outerjoin(Alocacao, Alocacao.cota_id == Cota.id).group_by(Cota.id, Cota.pago, Cota.valor)
        assert offending(sums.having(sa.or_(allocated != Cota.pago, allocated > Cota.valor))) == []

    def test_a_payment_is_allocated_at_most_what_it_is_worth(self) -> None:
        allocated = func.coalesce(func.sum(Alocacao.centavos), 0)
        sums = (
            select(Pagamento.id)
            .outerjoin(Alocacao, Alocacao.pagamento_id == Pagamento.id)
            .group_by(Pagamento.id, Pagamento.valor)
        )
        assert offending(sums.having(func.abs(allocated) > Pagamento.valor)) == []

    def test_an_estorno_has_the_same_valor_happens_once_and_later_and_undoes_the_allocations(self) -> None:
        original, estorno = aliased(Pagamento), aliased(Pagamento)
        pairs = select(estorno.id).join(original, original.id == estorno.estorna_id)
        differs = sa.or_(
            original.valor != estorno.valor,
            original.militante_id != estorno.militante_id,
            original.metodo != estorno.metodo,
            original.data_credito > estorno.data_credito,
            original.estorna_id.is_not(None),
        )
        assert one(select(func.count()).select_from(pairs.subquery())) > 0
        assert offending(pairs.where(differs)) == []
        reversals = select(Pagamento.estorna_id).group_by(Pagamento.estorna_id)
        assert offending(reversals.having(func.count(Pagamento.estorna_id) > 1)) == []
        taken, given = aliased(Alocacao), aliased(Alocacao)
        undone = (
            select(taken.id)
            .join(estorno, estorno.id == taken.pagamento_id)
            .outerjoin(given, sa.and_(given.pagamento_id == estorno.estorna_id, given.cota_id == taken.cota_id))
            .where(estorno.estorna_id.is_not(None))
        )
        assert offending(undone.where(sa.or_(given.id.is_(None), given.centavos != -taken.centavos))) == []

    def test_expected_is_received_and_waived_and_open_in_each_month_and_nucleo(self) -> None:
        waived = sa.case((Cota.dispensada_em.is_not(None), Cota.valor - Cota.pago), else_=0)
        still_open = sa.case((Cota.dispensada_em.is_(None), Cota.valor - Cota.pago), else_=0)
        received = (
            select(Cota.competencia, func.sum(Alocacao.centavos).label("centavos"))
            .join(Cota, Cota.id == Alocacao.cota_id)
            .group_by(Cota.competencia)
            .subquery()
        )
        months = (
            select(
                Cota.competencia,
                func.sum(Cota.valor) - func.sum(waived) - func.sum(still_open),
                func.max(received.c.centavos),
            )
            .outerjoin(received, received.c.competencia == Cota.competencia)
            .group_by(Cota.competencia)
        )
        rows = db.session.execute(months).all()
        assert len(rows) == 67
        assert all(paid == (allocated or 0) for _, paid, allocated in rows)

    def test_money_by_method_is_all_the_money(self) -> None:
        net = sa.case((Pagamento.estorna_id.is_(None), Pagamento.valor), else_=-Pagamento.valor)
        methods = db.session.execute(select(Pagamento.metodo, func.sum(net)).group_by(Pagamento.metodo)).all()
        assert {metodo for metodo, _ in methods} <= set(Metodo)
        assert sum(total for _, total in methods) == one(select(func.sum(net)))

    def test_nobody_is_billed_while_exempt_on_leave_or_gone(self) -> None:
        billed = select(Cota.id).join(Militante, Militante.id == Cota.militante_id)
        assert offending(billed.where(Militante.isento)) == []
        assert offending(billed.where(Cota.competencia < Militante.data_filiacao)) == []
        assert offending(billed.where(Cota.competencia > Militante.data_desligamento)) == []

    def test_the_last_standing_is_the_present_one(self) -> None:
        latest = select(SituacaoHistorico.militante_id, func.max(SituacaoHistorico.id).label("id")).group_by(
            SituacaoHistorico.militante_id
        )
        last = latest.subquery()
        agree = (
            select(Militante.id)
            .outerjoin(last, last.c.militante_id == Militante.id)
            .outerjoin(SituacaoHistorico, SituacaoHistorico.id == last.c.id)
            .where(sa.or_(SituacaoHistorico.id.is_(None), SituacaoHistorico.situacao != Militante.situacao))
        )
        assert offending(agree) == []

    def test_cpfs_open_and_are_found_by_their_digest(self) -> None:
        vault = cpf.vault()
        for militante in db.session.scalars(select(Militante).where(Militante.cpf_cifrado.is_not(None)).limit(50)):
            assert militante.cpf_cifrado is not None
            number = vault.decrypt(militante.cpf_cifrado)
            assert number.startswith("999")
            assert militante.cpf_hmac == vault.digest(number)


def test_the_same_seed_and_date_give_the_same_bytes(sqlite_app: Flask) -> None:
    seed()
    once = _digests()
    db.session.rollback()
    seed(replace=True)
    assert _digests() == once
    assert set(once) == {table.name for table in TABLES}


def test_says_what_it_wrote_and_the_chain_has_it(app: Flask) -> None:
    heard: list[int] = []
    seeded = seed_database(DEMO, hoje=HOJE, agora=AGORA, vault=cpf.vault(), progress=heard.append)
    assert heard == [300]
    assert seeded.militantes == 300 == one(select(func.count(Militante.id)))
    assert seeded.nucleos == 12 == one(select(func.count(Nucleo.id)))
    assert seeded.cotas == one(select(func.count(Cota.id)))
    assert seeded.pagamentos == one(select(func.count(Pagamento.id)))
    assert seeded.alocacoes == one(select(func.count(Alocacao.id)))
    entry = db.session.scalars(select(Auditoria)).one()
    assert (entry.acao, entry.depois and entry.depois["militantes"]) == ("dados.semear", 300)
    assert verify_chain(db.session).ok


def test_every_index_is_there_again(app: Flask) -> None:
    def indexes() -> dict[str, set[str | None]]:
        inspector = sa.inspect(db.engine)
        return {table.name: {index["name"] for index in inspector.get_indexes(table.name)} for table in TABLES}

    before = indexes()
    assert before["cota"]
    seed()
    assert indexes() == before


def test_the_application_goes_on_after_the_last_number(app: Flask) -> None:
    seed()
    highest = one(select(func.max(Militante.id)))
    militante_id = create_militante(
        Escopo(), DadosMilitante(nome="Nova Pessoa", data_filiacao=HOJE), autor_id=None, agora=AGORA
    )
    assert militante_id == highest + 1
    pagamento_id = register_pagamento(
        Escopo(),
        NovoPagamento(militante_id=militante_id, data_credito=HOJE, valor=2000, metodo=Metodo.PIX),
        autor_id=None,
        agora=AGORA,
        hoje=HOJE,
    )
    reverse_pagamento(Escopo(), pagamento_id, motivo="Engano", data=HOJE, autor_id=None, agora=AGORA)
    situacao = db.session.scalars(select(Militante.situacao).where(Militante.id == militante_id)).one()
    assert situacao is Situacao.ATIVO


def test_a_database_with_militantes_is_left_alone(app: Flask) -> None:
    seed()
    with pytest.raises(Conflict, match="--replace"):
        seed(hoje=HOJE - dt.timedelta(days=30))
    assert one(select(func.count(Auditoria.id))) == 1


def test_replace_removes_what_was_there_and_keeps_users_and_the_chain(app: Flask) -> None:
    seed(Profile("larger", militantes=100, nucleos=14))
    for position, nucleo_id in enumerate((2, 13)):
        db.session.add(
            Usuario(
                email=f"{position}@example.org",
                nome="Alguém",
                papel=Papel.LEITURA,
                nucleo_id=nucleo_id,
                fs_uniquifier=str(position),
            )
        )
    db.session.add(SemLembrete(militante_id=100, ativo=True, motivo="pediu", desde=HOJE))
    db.session.commit()
    seed(Profile("smaller", militantes=20, nucleos=5), replace=True)
    assert one(select(func.count(Militante.id))) == 20
    assert one(select(func.count()).select_from(SemLembrete)) == 0
    assert set(db.session.scalars(select(Nucleo.id))) == {1, 2, 3, 4, 5, 13}
    assert set(db.session.scalars(select(Usuario.nucleo_id))) == {2, 13}
    assert one(select(func.count(Auditoria.id))) == 2
    assert verify_chain(db.session).ok


def test_every_table_that_points_at_what_a_seed_replaces_goes_with_it() -> None:
    replaced = {table.name for table in TABLES}
    pointing = {
        table.name
        for table in metadata.tables.values()
        if {key.column.table.name for key in table.foreign_keys} & (replaced - {"nucleo"})
    }
    assert pointing <= replaced
    assert "usuario" not in replaced


def test_replace_refuses_to_give_two_nucleos_one_name(sqlite_app: Flask) -> None:
    seed(Profile("larger", militantes=10, nucleos=14))
    db.session.add(Usuario(email="a@example.org", nome="Alguém", papel=Papel.LEITURA, nucleo_id=14, fs_uniquifier="a"))
    first = db.session.get_one(Nucleo, 1)
    name, first.nome = first.nome, "Outro"
    db.session.flush()
    db.session.get_one(Nucleo, 14).nome = name
    db.session.commit()
    with pytest.raises(Conflict, match=name):
        seed(Profile("smaller", militantes=10, nucleos=5), replace=True)
    assert one(select(func.count(Nucleo.id))) == 14


def test_a_failure_in_the_middle_leaves_nothing(app: Flask) -> None:
    def fail(_militantes: int) -> None:
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="the power went"):
        seed_database(DEMO, hoje=HOJE, agora=AGORA, vault=cpf.vault(), progress=fail)
    assert one(select(func.count(Militante.id))) == one(select(func.count(Nucleo.id))) == 0
    assert {index["name"] for index in sa.inspect(db.engine).get_indexes("cota")} >= {"ix_cota_aberta"}


@pytest.mark.parametrize("table", ["militante", "nucleo", "cota", "pagamento", "alocacao", "auditoria"])
def test_what_was_cached_before_is_forgotten(sqlite_app: Flask, table: str) -> None:
    cache = cache_service().cache
    cache.set("before", 1, 300, tags=(table_tag(Base.metadata.tables[table]),))
    assert cache.get("before") == 1
    seed()
    assert cache.get("before") is None


def _digests() -> dict[str, str]:
    found = {}
    for table in TABLES:
        digest = hashlib.sha256()
        for row in db.session.execute(select(Base.metadata.tables[table.name]).order_by(*table.primary_key)):
            digest.update(repr(tuple(row)).encode())
        found[table.name] = digest.hexdigest()
    return found
