"""Imported before any test module.

Under `--import-mode=importlib` pytest would take the folders `controles/` and `frescor/` of this repository for the
packages of the same name; importing the packages first keeps the names theirs.
"""

import controles  # noqa: F401
import frescor  # noqa: F401

# Asks the databases what the tests' statements really read and wrote (`tests/oracle`).
pytest_plugins = ["oracle.plugin"]
