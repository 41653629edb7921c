"""`flask --app controles users …`: user management on the machine, for operators who cannot or will not log in."""

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from controles.command_line.command_errors import as_sentences
from controles.command_line.terminal import say
from controles.contas import administering
from controles.contas.models import Papel, Usuario
from controles.contas.users import list_users
from controles.db import db
from controles.domain.clock import LOCAL_ZONE, utc_now
from controles.militantes.models import Nucleo
from controles.services import running


@click.group("users", short_help="Lista usuários e sessões, bloqueia, encerra sessões, muda papéis.")
def group() -> None:
    """Os usuários de Controles. Cada comando vale no próximo pedido de quem está dentro, e fica na auditoria."""


@group.command("list", short_help="Lista as contas, seus papéis e quantas sessões estão abertas.")
@with_appcontext
def list_command() -> None:
    """Uma linha por conta: e-mail, papel, alcance, estado, sessões abertas, última entrada."""
    settings = running.settings()
    with as_sentences():
        for user in list_users(length=settings.session_length, agora=utc_now()):
            last = user.ultima_entrada.astimezone(LOCAL_ZONE) if user.ultima_entrada else None
            say(
                "  ".join(
                    (
                        user.email,
                        user.papel.value,
                        user.nucleo or "toda a organização",
                        "ativa" if user.ativo else "bloqueada",
                        f"{user.sessoes} sessões",
                        f"entrou em {last:%d/%m/%Y %H:%M}" if last else "nunca entrou",
                    )
                )
            )


@group.command("block", short_help="Bloqueia uma conta e encerra as suas sessões.")
@click.argument("email")
@click.option("--reason", "motivo", required=True, help="Por quê; fica na auditoria.")
@with_appcontext
def block(email: str, motivo: str) -> None:
    """Bloqueia a conta EMAIL: quem está dentro sai, e não entra mais."""
    with as_sentences():
        administering.block_user(_id_of(email), motivo=motivo, autor_id=None, agora=utc_now())
    say("A conta foi bloqueada e as suas sessões, encerradas.")


@group.command("unblock", short_help="Deixa uma conta bloqueada entrar de novo.")
@click.argument("email")
@with_appcontext
def unblock(email: str) -> None:
    """Desbloqueia a conta EMAIL."""
    with as_sentences():
        administering.unblock_user(_id_of(email), autor_id=None, agora=utc_now())
    say("A conta foi desbloqueada.")


@group.command("unlock", short_help="Deixa tentar de novo quem tentativas de outros impedem de entrar.")
@click.argument("email")
@with_appcontext
def unlock(email: str) -> None:
    """Esquece as tentativas erradas que vieram de muitas redes para a conta EMAIL."""
    with as_sentences():
        administering.unlock_user(_id_of(email), autor_id=None, agora=utc_now())
    say(
        "As tentativas de muitas redes foram esquecidas; as de um só endereço ainda contam, por no máximo quatro horas."
    )


@group.command("end-sessions", short_help="Encerra todas as sessões de uma conta.")
@click.argument("email")
@with_appcontext
def end_sessions(email: str) -> None:
    """Encerra as sessões da conta EMAIL, que pode entrar de novo."""
    with as_sentences():
        administering.end_sessions(_id_of(email), autor_id=None, agora=utc_now())
    say("As sessões foram encerradas.")


@group.command("role", short_help="Muda o papel e o alcance de uma conta.")
@click.argument("email")
@click.argument("papel", type=click.Choice([papel.value for papel in Papel]))
@click.option("--nucleo", metavar="NOME", help="Só este núcleo; sem a opção, toda a organização.")
@with_appcontext
def role(email: str, papel: str, nucleo: str | None) -> None:
    """Dá à conta EMAIL outro PAPEL; as sessões continuam, já com ele."""
    with as_sentences():
        nucleo_id = None if nucleo is None else db.session.scalar(select(Nucleo.id).where(Nucleo.nome == nucleo))
        if nucleo is not None and nucleo_id is None:
            raise click.ClickException(f"Não há um núcleo com o nome “{nucleo}”.")
        administering.change_role(_id_of(email), Papel(papel), nucleo_id, autor_id=None, agora=utc_now())
    say("O papel foi alterado.")


@group.command("reset", short_help="Refaz o acesso de quem perdeu o celular ou a senha.")
@click.argument("email")
@click.option("--reason", "motivo", required=True, help="Por quê; fica na auditoria.")
@with_appcontext
def reset(email: str, motivo: str) -> None:
    """Cria uma senha nova para a conta EMAIL; com ela, na próxima entrada, se cadastra outro celular."""
    with as_sentences():
        password = administering.reset_access(_id_of(email), motivo=motivo, autor_id=None, agora=utc_now())
    say(f"Senha nova: {password}\nEntregue-a em pessoa; ela não é mostrada de novo.")


def _id_of(email: str) -> int:
    usuario_id = db.session.scalar(select(Usuario.id).where(Usuario.email == email.strip().lower()))
    if usuario_id is None:
        raise click.ClickException("Não há uma conta com esse e-mail; veja-as com: flask --app controles users list")
    return usuario_id
