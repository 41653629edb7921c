"""Who the person of this request is, as far as lists and forms need to know."""

from flask import abort
from flask_login import current_user

from controles.domain.escopo import Escopo


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
