"""Reads about logins."""

from controles import cache_policies
from controles.contas.models import Sessao, Usuario
from controles.contas.records import Leitor
from controles.db import db
from controles.services.cache_service import cached


@cached(cache_policies.SESSAO)
def get_leitor(usuario_id: int, sessao_id: bytes) -> Leitor | None:
    """The user of this login; None if it was ended, is another's, or the user may not come in any more.

    Asked at every request. Both rows are looked up by their keys, so only what changes one of them ends the entry: a
    logout, a new session version, another role, from the commit on.
    """
    sessao = db.session.get(Sessao, sessao_id)
    if sessao is None or sessao.encerrada_em is not None or sessao.usuario_id != usuario_id:
        return None
    usuario = db.session.get(Usuario, usuario_id)
    if usuario is None or not usuario.active:
        return None
    return Leitor(
        id=usuario.id,
        email=usuario.email,
        nome=usuario.nome,
        papel=usuario.papel,
        nucleo_id=usuario.nucleo_id,
        fs_uniquifier=usuario.fs_uniquifier,
        desde=sessao.criada_em,
    )
