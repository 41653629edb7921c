"""What each role may do, and whose data the logged-in person may see."""

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import abort, current_app
from flask_login import current_user

from controles.contas.models import Papel
from controles.web.reader import current_author_id, current_scope

# Pages import from here both what a reader may do and whose data they may see.
__all__ = ["PERMISSIONS", "Permission", "allowed", "current_author_id", "current_scope", "require"]

P = ParamSpec("P")
R = TypeVar("R")


class Permission(StrEnum):
    """Something that a role may or may not be allowed to do."""

    VER = "ver"
    EDITAR_MILITANTES = "editar_militantes"
    REGISTRAR_PAGAMENTOS = "registrar_pagamentos"
    ESTORNAR = "estornar"
    GERAR_COTAS = "gerar_cotas"
    EXPORTAR = "exportar"
    CONCILIAR = "conciliar"
    FECHAR = "fechar"
    IMPORTAR = "importar"
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
            Permission.FECHAR,
            Permission.IMPORTAR,
        }
    ),
    Papel.SECRETARIA: frozenset(
        {Permission.VER, Permission.EDITAR_MILITANTES, Permission.EXPORTAR, Permission.IMPORTAR}
    ),
    Papel.LEITURA: frozenset({Permission.VER}),
}

# Users, bank accounts, closings and imports belong to the whole organisation, so nobody whose scope is one núcleo has
# these permissions.
WHOLE_ORGANISATION = frozenset({Permission.ADMINISTRAR, Permission.CONCILIAR, Permission.FECHAR, Permission.IMPORTAR})


def allowed(permission: Permission) -> bool:
    """Whether the person of this request has `permission`; False if nobody is logged in."""
    if not current_user.is_authenticated or permission not in PERMISSIONS[current_user.papel]:
        return False
    return permission not in WHOLE_ORGANISATION or current_user.nucleo_id is None


def require(permission: Permission) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Run a view only for somebody with `permission`.

    If nobody is logged in: redirect to the login page and back. Without the permission: 403.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not current_user.is_authenticated:
                # The extension annotates what this returns too loosely; it is never None.
                return current_app.login_manager.unauthorized()  # type: ignore[attr-defined,no-any-return]
            if not allowed(permission):
                abort(403)
            return view(*args, **kwargs)

        # For the test that visits every page with every role.
        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate
