"""Recovery codes, for users who have lost their phone."""

import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from controles.contas.models import CodigoRecuperacao

COUNT = 10
_GROUPS, _GROUP_LENGTH = 3, 4
# Crockford's base 32, without I, L, O and U, so that nothing is misread.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})


def renew_codes(session: Session, *, usuario_id: int, key: bytes) -> tuple[str, ...]:
    """Ten new codes, which can only be shown now; the former ones are removed. The caller commits."""
    codes = tuple(_new_code() for _ in range(COUNT))
    drop_codes(session, usuario_id=usuario_id)
    session.add_all(
        CodigoRecuperacao(
            usuario_id=usuario_id, digest=_digest(code, usuario_id=usuario_id, key=key), chave=key_name(key)
        )
        for code in codes
    )
    return codes


def key_name(key: bytes) -> bytes:
    """Identifies a key, next to the digests that it made."""
    return hmac.digest(key, b"nome", hashlib.sha256)[:4]


def drop_codes(session: Session, *, usuario_id: int) -> None:
    """Remove all codes of this user."""
    session.execute(delete(CodigoRecuperacao).where(CodigoRecuperacao.usuario_id == usuario_id))


def use_code(session: Session, code: str, *, usuario_id: int, keys: Sequence[bytes], agora: dt.datetime) -> bool:
    """Whether the code was valid; it is used up in the caller's transaction, by only one of several callers."""
    digests = [_digest(code, usuario_id=usuario_id, key=key) for key in keys]
    used = session.execute(
        update(CodigoRecuperacao)
        .where(
            CodigoRecuperacao.usuario_id == usuario_id,
            CodigoRecuperacao.digest.in_(digests),
            CodigoRecuperacao.usado_em.is_(None),
        )
        .values(usado_em=agora)
        .returning(CodigoRecuperacao.id),
        execution_options={"synchronize_session": False},
    ).one_or_none()
    return used is not None


def codes_left(session: Session, *, usuario_id: int) -> int:
    """How many codes are unused."""
    left = session.scalar(
        select(func.count())
        .select_from(CodigoRecuperacao)
        .where(CodigoRecuperacao.usuario_id == usuario_id, CodigoRecuperacao.usado_em.is_(None))
    )
    return left or 0


def _new_code() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)


def _digest(code: str, *, usuario_id: int, key: bytes) -> bytes:
    text = code.strip().upper().translate(_MISREAD)
    # 60 random bits and a key that is not in the database: a slow hash would protect nothing more.
    return hmac.digest(key, f"{usuario_id}:{text}".encode(), hashlib.sha256)
