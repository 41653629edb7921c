"""What each role may do, and whose data the person at the keyboard may see."""

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import abort, current_app
from flask_login import current_user

from controles.contas.models import Papel
from controles.domain.escopo import Escopo

P = ParamSpec("P")
R = TypeVar("R")


class Permission(StrEnum):
    """One thing that a role may or may not do."""

    VER = "ver"
    EDITAR_MILITANTES = "editar_militantes"
    REGISTRAR_PAGAMENTOS = "registrar_pagamentos"
    ESTORNAR = "estornar"
    GERAR_COTAS = "gerar_cotas"
    EXPORTAR = "exportar"
    CONCILIAR = "conciliar"
    ADMINISTRAR = "administrar"


PERMISSIONS: dict[Papel, frozenset[Permission]] = {
    Papel.ADMIN: frozenset(Permission),
    Papel.TESOURARIA: frozenset(
        {
            Permission.VER,
            Permission.REGISTRAR_PAGAMENTOS,
            Permission.ESTORNAR,
            Permission.GERAR_COTAS,
            Permission.EXPORTAR,
            Permission.CONCILIAR,
        }
    ),
    Papel.SECRETARIA: frozenset({Permission.VER, Permission.EDITAR_MILITANTES, Permission.EXPORTAR}),
    Papel.LEITURA: frozenset({Permission.VER}),
}

# Users and bank accounts belong to the whole organisation: who sees one núcleo has nothing to do with them.
WHOLE_ORGANISATION = frozenset({Permission.ADMINISTRAR, Permission.CONCILIAR})


def allowed(permission: Permission) -> bool:
    """Whether the person of this request has `permission`; nobody logged in has none."""
    if not current_user.is_authenticated or permission not in PERMISSIONS[current_user.papel]:
        return False
    return permission not in WHOLE_ORGANISATION or current_user.nucleo_id is None


def require(permission: Permission) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a view run only for somebody with `permission`.

    Nobody logged in: to the login page and back. Somebody without it: 403.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not current_user.is_authenticated:
                # Its type is "never None": the extension declares what it returns too loosely.
                return current_app.login_manager.unauthorized()  # type: ignore[attr-defined,no-any-return]
            if not allowed(permission):
                abort(403)
            return view(*args, **kwargs)

        # For the test that visits every page as every role.
        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


def current_scope() -> Escopo:
    """Whose data the person of this request may see; 401 when nobody is logged in, never the whole organisation."""
    if not current_user.is_authenticated:
        abort(401)
    return Escopo(nucleo_id=current_user.nucleo_id)


def current_author_id() -> int:
    """Who does what this request does."""
    if not current_user.is_authenticated:
        abort(401)
    return int(current_user.id)
