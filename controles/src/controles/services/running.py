"""What the running application was started with."""

from typing import cast

from flask import current_app

from controles.settings.config import Settings


def settings() -> Settings:
    """The settings of the application in whose context this is asked."""
    return cast(Settings, current_app.extensions["settings"])
