"""The `frescor` program, also as `python -m frescor`; without the extra `cli` it says what to install."""

import sys

from frescor._extras import extra


def main() -> None:
    """The entry point."""
    try:
        with extra("cli", "the frescor command"):
            from frescor.cli.main import main as run
    except ImportError as error:
        sys.exit(str(error))
    run()


if __name__ == "__main__":
    main()
