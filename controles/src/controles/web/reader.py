"""The user of this request, as far as lists and forms need it."""

from flask import abort
from flask_login import current_user

from controles.domain.escopo import Escopo


def current_scope() -> Escopo:
    """Whose data the user of this request may see; 401 if nobody is logged in, never the whole organisation."""
    if not current_user.is_authenticated:
        abort(401)
    return Escopo(nucleo_id=current_user.nucleo_id)


def current_author_id() -> int:
    """The id of the user of this request, as the author of its changes."""
    if not current_user.is_authenticated:
        abort(401)
    return int(current_user.id)
