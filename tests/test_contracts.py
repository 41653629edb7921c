"""Each import contract catches the breach that it is there for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    sources = f"{folder / 'frescor/src'}:{folder / 'controles/src'}"
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--config", str(folder / ".importlinter")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": sources, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of both sources, as they are."""
    folder = tmp_path_factory.mktemp("sources")
    only_code = shutil.ignore_patterns("__pycache__", "static", "templates", "translations")
    for name in ("frescor", "controles"):
        shutil.copytree(ROOT / name / "src", folder / name / "src", ignore=only_code)
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def test_the_sources_keep_every_contract(pristine: Path) -> None:
    done = lint_imports(pristine)
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "breach", "contract"),
    [
        ("frescor/src/frescor/_values/codec.py", "import controles.db", "Frescor does not know the application"),
        ("frescor/src/frescor/_surface/cache.py", "import flask", "Frescor's core imports no web framework"),
        ("frescor/src/frescor/_store/server/redis.py", "import sqlalchemy", "Frescor's core imports no web framework"),
        ("frescor/src/frescor/_plan/one.py", "import frescor._surface.cache", "Frescor's layers"),
        ("frescor/src/frescor/_surface/cache.py", "import frescor.flask", "Frescor's layers"),
        ("frescor/src/frescor/unheard_of.py", "import time", "Frescor's layers"),
        ("frescor/src/frescor/sqlalchemy/unheard_of.py", "import time", "Frescor for SQLAlchemy"),
        ("frescor/src/frescor/_store/unheard_of.py", "import time", "Frescor's stores"),
        (
            "frescor/src/frescor/sqlalchemy/_transactions/context.py",
            "import frescor.sqlalchemy._transactions.unit",
            "Frescor's modules import each other in no circle",
        ),
        (
            "frescor/src/frescor/_surface/decorator.py",
            "if TYPE_CHECKING:\n    import frescor._surface.cache",
            "Frescor's modules import each other in no circle",
        ),
        ("frescor/src/frescor/_plan/one.py", "import time", "Frescor's decisions do no input or output"),
        ("controles/src/controles/cotas/services.py", "from flask import request", "Services and queries work without"),
        ("controles/src/controles/painel/queries.py", "from flask import request", "Services and queries work without"),
        ("controles/src/controles/cotas/models.py", "import controles.cotas.services", "In a subject"),
        ("controles/src/controles/cotas/services.py", "import controles.militantes.views", "Across subjects"),
        ("controles/src/controles/db.py", "import controles.cotas.services", "Models import models"),
        ("controles/src/controles/pagamentos/services.py", "import controles.cotas.queries", "A service decides"),
    ],
)
def test_a_breach_is_caught(pristine: Path, tmp_path: Path, module: str, breach: str, contract: str) -> None:
    folder = tmp_path / "sources"
    shutil.copytree(pristine, folder)
    path = folder / module
    path.write_text(f"{path.read_text() if path.exists() else ''}\n{breach}\n")
    done = lint_imports(folder)
    assert done.returncode == 1, done.stdout
    broken = [line for line in done.stdout.splitlines() if " BROKEN" in line]
    assert any(line.startswith(contract) for line in broken), done.stdout
