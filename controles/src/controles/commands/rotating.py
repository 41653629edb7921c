"""`flask --app controles rotate-keys`: encrypt again, with the present keys, what former keys encrypted (docs/keys.md).

It works in batches, each in a short transaction, while the application runs. What the application writes meanwhile
already has the present keys, and it can read both. If it is stopped, it continues with the rest when started again.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import click
from flask.cli import with_appcontext
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import QueryableAttribute, Session

from controles.auditoria import audit
from controles.auditoria.audit import ChainResult
from controles.command_line.command_errors import as_sentences
from controles.command_line.terminal import say
from controles.contas import recovery
from controles.contas.keys import account_keys
from controles.contas.models import CodigoRecuperacao, Usuario
from controles.contas.totp import OtpSecretUnreadableError
from controles.domain import cpf
from controles.domain.clock import utc_now
from controles.domain.cpf import CpfUnreadableError
from controles.militantes.models import Militante
from controles.pagamentos.models import Pagamento
from controles.recibos.models import Recibo
from controles.recibos.records import name_of
from controles.services.transaction import transaction

AT_ONCE = 500
_HAS_PAYER = Pagamento.pagador_cpf.is_not(None)


@dataclass(slots=True)
class Rotated:
    """How many rows were encrypted again, and which need a person's attention: matrículas, and numbers of users."""

    militantes: int = 0
    recibos: int = 0
    pagadores: int = 0
    usuarios: int = 0
    unreadable: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    unreadable_receipts: list[str] = field(default_factory=list)
    unreadable_payers: list[int] = field(default_factory=list)
    unreadable_users: list[int] = field(default_factory=list)
    # Users with recovery codes that only a former key can check.
    old_codes: int = 0
    chain: ChainResult | None = None

    @property
    def complete(self) -> bool:
        """Whether the former keys are no longer needed, except for recovery codes."""
        unread = self.unreadable or self.unreadable_receipts or self.unreadable_payers or self.unreadable_users
        problems = unread or self.twice
        return not problems and bool(self.chain and self.chain.ok)


def rotate_keys(*, agora: dt.datetime, progress: Callable[[int], None] = lambda _done: None) -> Rotated:
    """Encrypt again whatever does not have the present keys. What cannot be read is left unchanged and reported."""
    rotated = Rotated()
    _each_batch(Militante.id, lambda session, ids: _rotate_militantes(session, ids, rotated), progress)
    _each_batch(Recibo.id, lambda session, ids: _rotate_recibos(session, ids, rotated), progress)
    _each_batch(Pagamento.id, lambda session, ids: _rotate_payers(session, ids, rotated), progress, _HAS_PAYER)
    _each_batch(Usuario.id, lambda session, ids: _rotate_users(session, ids, rotated), progress)
    with transaction() as session:
        rotated.old_codes = _users_with_old_codes(session)
        counted = ("militantes", "recibos", "pagadores", "usuarios")
        depois = {name: getattr(rotated, name) for name in counted if name != "pagadores" or rotated.pagadores}
        if any(depois.values()):
            audit.record(session, acao="chaves.trocar", depois=depois, usuario_id=None, agora=agora)
        # So that the former key is no longer needed to check its seals.
        rotated.chain = audit.vouch(session, agora=agora)
    return rotated


def _each_batch(
    column: QueryableAttribute[int],
    rotate: Callable[[Session, Sequence[int]], None],
    progress: Callable[[int], None],
    wanted: ColumnElement[bool] | None = None,
) -> None:
    last = 0
    while True:
        with transaction() as session:
            some = select(column).where(column > last).order_by(column).limit(AT_ONCE)
            ids = session.scalars(some if wanted is None else some.where(wanted)).all()
            if not ids:
                return
            rotate(session, ids)
        last = ids[-1]
        progress(len(ids))


def _rotate_militantes(session: Session, ids: Sequence[int], rotated: Rotated) -> None:
    vault = cpf.vault()
    rows = session.execute(
        select(Militante.id, Militante.matricula, Militante.cpf_cifrado, Militante.cpf_hmac)
        .where(Militante.id.in_(ids), Militante.cpf_cifrado.is_not(None))
        .order_by(Militante.id)
        .with_for_update()
    ).all()
    for militante_id, matricula, stored, digest in rows:
        try:
            number = vault.decrypt(stored or b"")
        except CpfUnreadableError:
            rotated.unreadable.append(matricula)
            continue
        if vault.is_current(stored or b"") and digest == vault.digest(number):
            continue
        try:
            with session.begin_nested():
                session.execute(
                    # Not through the ORM: the version stays the same, so nobody who edits the militante now gets a
                    # conflict.
                    update(Militante)
                    .where(Militante.id == militante_id)
                    .values(cpf_cifrado=vault.encrypt(number), cpf_hmac=vault.digest(number)),
                    execution_options={"synchronize_session": False},
                )
        except IntegrityError:
            rotated.twice.append(matricula)
        else:
            rotated.militantes += 1


def _rotate_recibos(session: Session, ids: Sequence[int], rotated: Rotated) -> None:
    vault = cpf.vault()
    rows = session.execute(
        select(Recibo.id, Recibo.ano, Recibo.numero, Recibo.cpf_cifrado)
        .where(Recibo.id.in_(ids), Recibo.cpf_cifrado.is_not(None))
        .order_by(Recibo.id)
        .with_for_update()
    ).all()
    for recibo_id, ano, numero, stored in rows:
        if vault.is_current(stored or b""):
            continue
        try:
            renewed = vault.encrypt(vault.decrypt(stored or b""))
        except CpfUnreadableError:
            rotated.unreadable_receipts.append(name_of(ano, numero))
            continue
        session.execute(
            update(Recibo).where(Recibo.id == recibo_id).values(cpf_cifrado=renewed),
            execution_options={"synchronize_session": False},
        )
        rotated.recibos += 1


def _rotate_payers(session: Session, ids: Sequence[int], rotated: Rotated) -> None:
    vault = cpf.vault()
    wanted = select(Pagamento.id, Pagamento.pagador_cpf).where(Pagamento.id.in_(ids), _HAS_PAYER).order_by(Pagamento.id)
    for pagamento_id, stored in session.execute(wanted.with_for_update()).all():
        if vault.is_current(stored or b""):
            continue
        try:
            renewed = vault.encrypt(vault.decrypt(stored or b""))
        except CpfUnreadableError:
            rotated.unreadable_payers.append(pagamento_id)
            continue
        session.execute(
            update(Pagamento).where(Pagamento.id == pagamento_id).values(pagador_cpf=renewed),
            execution_options={"synchronize_session": False},
        )
        rotated.pagadores += 1


def _rotate_users(session: Session, ids: Sequence[int], rotated: Rotated) -> None:
    vault = account_keys().otp
    rows = session.execute(
        select(Usuario.id, Usuario.tf_totp_secret)
        .where(Usuario.id.in_(ids), Usuario.tf_totp_secret.is_not(None))
        .order_by(Usuario.id)
        .with_for_update()
    ).all()
    for usuario_id, sealed in rows:
        if sealed is None or vault.is_current(sealed):
            continue
        try:
            renewed = vault.seal(vault.open(sealed, usuario_id=usuario_id), usuario_id=usuario_id)
        except OtpSecretUnreadableError:
            rotated.unreadable_users.append(usuario_id)
            continue
        session.execute(
            update(Usuario).where(Usuario.id == usuario_id).values(tf_totp_secret=renewed),
            execution_options={"synchronize_session": False},
        )
        rotated.usuarios += 1


def _users_with_old_codes(session: Session) -> int:
    present = recovery.key_name(account_keys().recovery[0])
    found = session.scalar(
        select(func.count(CodigoRecuperacao.usuario_id.distinct())).where(
            CodigoRecuperacao.usado_em.is_(None), CodigoRecuperacao.chave.is_distinct_from(present)
        )
    )
    return found or 0


@click.command("rotate-keys", short_help="Cifra de novo, com as chaves de agora, o que chaves antigas cifraram.")
@with_appcontext
def rotate_keys_command() -> None:
    """Cifra de novo CPFs e segundos fatores, refaz a busca por CPF e assume a auditoria das chaves antigas.

    Roda com o Controles no ar, e pode ser interrompido e repetido. Antes, ponha as chaves antigas em
    SECRET_KEY_FALLBACKS e CPF_KEY_FALLBACKS, e as novas em SECRET_KEY e CPF_KEY, em todos os processos.
    """
    with as_sentences():
        rotated = rotate_keys(agora=utc_now())
    numbers = rotated.militantes + rotated.recibos + rotated.pagadores
    say(f"{numbers} CPFs e {rotated.usuarios} segundos fatores foram cifrados com as chaves de agora.")
    for problem in _problems(rotated):
        say(problem, err=True)
    if rotated.old_codes:
        say(
            f"{rotated.old_codes} pessoas ainda têm códigos de recuperação da chave antiga, que só elas podem refazer, "
            "em “Sua conta”. Enquanto não o fizerem, eles valem só com a chave antiga em SECRET_KEY_FALLBACKS."
        )
    if not rotated.complete:
        raise click.ClickException("A troca não está completa: mantenha as chaves antigas até que esteja.")
    say("As chaves antigas podem sair de SECRET_KEY_FALLBACKS, CPF_KEY_FALLBACKS e AUDIT_KEY_FALLBACKS.")


def _problems(rotated: Rotated) -> list[str]:
    problems = []
    if rotated.unreadable:
        problems.append(
            f"O CPF destas matrículas não abre com nenhuma chave: {', '.join(rotated.unreadable)}. Ponha a chave que "
            "falta em CPF_KEY_FALLBACKS, ou registre o CPF de novo."
        )
    if rotated.twice:
        problems.append(
            f"O CPF destas matrículas é também de outro militante: {', '.join(rotated.twice)}. Corrija um dos dois."
        )
    if rotated.unreadable_receipts:
        problems.append(
            f"O CPF destes recibos não abre com nenhuma chave: {', '.join(rotated.unreadable_receipts)}. Ponha a "
            "chave que falta em CPF_KEY_FALLBACKS."
        )
    if rotated.unreadable_payers:
        numbers = ", ".join(map(str, rotated.unreadable_payers))
        problems.append(
            f"O CPF de quem fez estes pagamentos não abre com nenhuma chave: {numbers}. Ponha a chave que falta em "
            "CPF_KEY_FALLBACKS."
        )
    if rotated.unreadable_users:
        numbers = ", ".join(map(str, rotated.unreadable_users))
        problems.append(f"O segundo fator destes usuários não abre com nenhuma chave: {numbers}. Peça que o refaçam.")
    if rotated.chain is not None and not rotated.chain.ok:
        problems.append(f"A auditoria não confere, e as chaves de agora não a assumem: {rotated.chain.reason}.")
    return problems
