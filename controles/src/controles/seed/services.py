"""Fills a database with an invented organisation, in one transaction."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select, update
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.contas.models import Usuario
from controles.db import db
from controles.domain.cpf import CpfVault
from controles.domain.domain_errors import Conflict
from controles.domain.periods import add_months
from controles.militantes.models import Militante, Nucleo
from controles.organizacao.models import Organizacao
from controles.organizacao.records import OPTIONAL_STEPS
from controles.pagamentos.models import Pagamento
from controles.seed.generation import batches, nucleo_rows
from controles.seed.profiles import Profile
from controles.seed.rows import COLUMNS, Row
from controles.seed.writing import Writer, empty, settle, without_indexes, writer_for
from controles.services.transaction import transaction

# So many years back the invented data may go.
_YEARS = 12


@dataclass(frozen=True, slots=True)
class Seeded:
    """How many rows each table got."""

    nucleos: int
    militantes: int
    cotas: int
    pagamentos: int
    alocacoes: int


def seed_database(
    profile: Profile,
    *,
    hoje: dt.date,
    agora: dt.datetime,
    vault: CpfVault,
    replace: bool = False,
    progress: Callable[[int], None] = lambda _militantes: None,
) -> Seeded:
    """Write `profile` as of `hoje`; `progress` is called with the number of militantes in each batch.

    All or nothing. Conflict if there are already militantes or núcleos. With `replace` these, and all cotas and
    payments, are removed first; users and the audit chain stay.
    """
    with transaction() as session:
        kept = _make_room(session, profile, replace)
        connection = session.connection()
        with without_indexes(connection):
            writer = writer_for(connection)
            seeded = _write(writer, connection, profile, hoje, vault, kept, progress)
        writer.finish()
        _name_organisation(session, hoje)
        audit.record(
            session,
            acao="dados.semear",
            depois={
                "perfil": profile.nome,
                "hoje": hoje,
                "militantes": seeded.militantes,
                "cotas": seeded.cotas,
                "pagamentos": seeded.pagamentos,
                "substituiu": replace,
            },
            usuario_id=None,
            agora=agora,
        )
    settle(db.engine)
    return seeded


def _name_organisation(session: Session, hoje: dt.date) -> None:
    """An organisation without a name gets one, and needs no first steps."""
    if session.get(Organizacao, 1) is None:
        skipped = ",".join(sorted(OPTIONAL_STEPS))
        begins = add_months(hoje, -12 * _YEARS)
        session.add(Organizacao(id=1, nome="Organização de exemplo", inicio=begins, passos_pulados=skipped))


def _make_room(session: Session, profile: Profile, replace: bool) -> frozenset[int]:
    """Empty the tables; returns the núcleos that stay because a user belongs to them."""
    occupied = any(session.scalars(select(model.id).limit(1)).first() is not None for model in (Militante, Nucleo))
    if occupied and not replace:
        raise Conflict(
            "Este banco já tem militantes ou núcleos, e nada foi alterado. Para apagar militantes, cotas e pagamentos "
            "e pôr dados inventados no lugar, repita o comando com --replace; para guardar o que há, use outro "
            "DATABASE_URL."
        )
    bound = frozenset(session.scalars(select(Usuario.nucleo_id).where(Usuario.nucleo_id.is_not(None)).distinct()))
    kept = frozenset(identity for identity in bound if identity is not None)
    empty(session.connection(), kept)
    names = {row[1] for row in nucleo_rows(profile)}
    others = select(Nucleo.nome).where(Nucleo.id > profile.nucleos, Nucleo.nome.in_(names))
    clash = session.scalars(others).first()
    if clash is not None:
        raise Conflict(
            f"O núcleo “{clash}”, ao qual há um usuário ligado, tem o nome de um núcleo inventado. "
            "Mude o nome dele ou ligue o usuário a outro núcleo, e repita o comando."
        )
    return kept


def _write(
    writer: Writer,
    connection: Connection,
    profile: Profile,
    hoje: dt.date,
    vault: CpfVault,
    kept: frozenset[int],
    progress: Callable[[int], None],
) -> Seeded:
    nucleos = nucleo_rows(profile)
    _write_nucleos(writer, connection, nucleos, kept)
    counts = dict.fromkeys(COLUMNS, 0)
    for batch in batches(profile, hoje=hoje, vault=vault):
        for table, rows in batch.tables():
            writer.write(table, rows)
            counts[table] += len(rows)
        progress(len(batch.militante))
    reversed_ones = select(Pagamento.estorna_id).where(Pagamento.estorna_id.is_not(None))
    connection.execute(update(Pagamento).where(Pagamento.id.in_(reversed_ones)).values(estornado=True))
    return Seeded(
        nucleos=len(nucleos),
        militantes=counts["militante"],
        cotas=counts["cota"],
        pagamentos=counts["pagamento"],
        alocacoes=counts["alocacao"],
    )


def _write_nucleos(writer: Writer, connection: Connection, rows: list[Row], kept: frozenset[int]) -> None:
    # Names are unique: the remaining núcleos give theirs up before any other row takes it.
    for row in rows:
        if row[0] in kept:
            connection.execute(update(Nucleo).where(Nucleo.id == row[0]).values(nome=f"#{row[0]}"))
    writer.write("nucleo", [row for row in rows if row[0] not in kept])
    for row in rows:
        if row[0] in kept:
            values = dict(zip(COLUMNS["nucleo"], row, strict=True)) | {"ativo": True}
            connection.execute(update(Nucleo).where(Nucleo.id == row[0]).values(values))
