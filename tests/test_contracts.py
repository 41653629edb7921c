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
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "tests/rooms_contract.py", folder / "tests")
    return folder


def test_the_sources_keep_every_contract(pristine: Path) -> None:
    done = lint_imports(pristine)
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


def lint_changed(pristine: Path, tmp_path: Path, lines: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What the contracts say once each of these modules, new or not, has one line more."""
    folder = tmp_path / "sources"
    shutil.copytree(pristine, folder)
    for module, line in lines.items():
        path = folder / module
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{path.read_text() if path.exists() else ''}\n{line}\n")
    return lint_imports(folder)


def test_a_module_of_controles_outside_of_every_room_is_refused(pristine: Path, tmp_path: Path) -> None:
    done = lint_changed(pristine, tmp_path, {"controles/src/controles/loose.py": ""})
    assert done.returncode == 1
    assert "controles.loose is in no room and no subject." in done.stdout


@pytest.mark.parametrize(
    ("name", "line", "fault"),
    [
        ("services", "from flask import request", "(subject.logic) imports Flask"),
        ("matching", "from flask import request", "(subject.logic) imports Flask"),
        ("bank_queries", "import controles.novo.views", "(subject.queries) imports controles.novo.views"),
        ("models", "import controles.cotas.services", "(subject.models) imports controles.cotas.services"),
        ("records", "import controles.cotas.queries", "(subject.records) imports controles.cotas.queries"),
    ],
)
def test_a_new_subject_is_under_the_contract_by_itself(
    pristine: Path, tmp_path: Path, name: str, line: str, fault: str
) -> None:
    package = "controles/src/controles/novo"
    files = {
        f"{package}/__init__.py": "",
        f"{package}/views.py": "from flask import request",
        f"{package}/{name}.py": line,
    }
    done = lint_changed(pristine, tmp_path, files)
    assert done.returncode == 1
    assert f"controles.novo.{name} {fault}" in done.stdout, done.stdout


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
            "import frescor.sqlalchemy._transactions.transaction",
            "Frescor's modules import each other in no circle",
        ),
        (
            "frescor/src/frescor/_surface/decorator.py",
            "if TYPE_CHECKING:\n    import frescor._surface.cache",
            "Frescor's modules import each other in no circle",
        ),
        ("frescor/src/frescor/_plan/one.py", "import time", "Frescor's decisions do no input or output"),
        ("controles/src/controles/cotas/services.py", "from flask import request", "Controles: every module"),
        ("controles/src/controles/painel/queries.py", "from flask import request", "Controles: every module"),
        ("controles/src/controles/contas/login.py", "from flask import request", "Controles: every module"),
        ("controles/src/controles/cotas/models.py", "import controles.cotas.services", "Controles: every module"),
        ("controles/src/controles/cotas/services.py", "import controles.militantes.views", "Controles: every module"),
        ("controles/src/controles/db.py", "import controles.cotas.services", "Controles: every module"),
        ("controles/src/controles/domain/money.py", "import controles.db", "Controles: every module"),
        ("controles/src/controles/contas/totp.py", "import controles.contas.login", "Controles: every module"),
        ("controles/src/controles/pagamentos/services.py", "import controles.cotas.queries", "A service decides"),
    ],
)
def test_a_breach_is_caught(pristine: Path, tmp_path: Path, module: str, breach: str, contract: str) -> None:
    done = lint_changed(pristine, tmp_path, {module: breach})
    assert done.returncode == 1, done.stdout
    broken = [line for line in done.stdout.splitlines() if " BROKEN" in line]
    assert any(line.startswith(contract) for line in broken), done.stdout
