"""In a real browser: what people are called runs nowhere as code, and stays nowhere that outlives the page."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from playwright.sync_api import Browser, Page, expect

from frescor.embedded import EmbeddedServer

from .conftest import _FLAGS, CHROMIUM
from .test_treasurer import code_now, first_login

if TYPE_CHECKING:
    from .conftest import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The full number takes a quarter of an hour: CONTROLES_PEOPLE=300
PEOPLE = int(os.environ.get("CONTROLES_PEOPLE", "3"))

HOSTILE = (
    "<script>window.ran=1</script>",
    '"><img src=x onerror=window.ran=2>',
    "'-window.ran=3-'",
    "</title><svg onload=window.ran=4>",
    "{{7*7}}${7*7}",
    "javascript:window.ran=5//",
    "&lt;b&gt;<b>",
    "\u202emaria\u202c",
)

_MAKE = """
import datetime as dt, json, sys
from controles import create_app
from controles.domain.clock import utc_now, today
from controles.cotas.services import generate_cotas
from controles.db import db
from controles.domain.escopo import Escopo
from controles.militantes.models import Nucleo
from controles.militantes.services import DadosMilitante, create_militante
from controles.services.transaction import transaction

names, hostile = json.loads(sys.argv[1]), json.loads(sys.argv[2])
app = create_app()
with app.app_context():
    for text in hostile:
        with transaction() as session:
            nucleo = Nucleo(nome=f"Nucleo {text}"[:120], uf="SP", municipio=text[:120])
            session.add(nucleo)
            session.flush()
            nucleo_id = nucleo.id
        clean = "".join(one for one in text if one.isprintable())
        create_militante(Escopo(), DadosMilitante(nome=f"Zz {clean}", nome_social=f"Zz {clean} s", nucleo_id=nucleo_id,
            telefone=clean[:20], data_filiacao=dt.date(2020, 1, 1)), autor_id=None, agora=utc_now())
    for nome, cpf, email in names:
        create_militante(Escopo(), DadosMilitante(nome=nome, cpf=cpf, email=email, data_filiacao=dt.date(2020, 1, 1)),
            autor_id=None, agora=utc_now())
    generate_cotas(Escopo(), today().replace(day=1), autor_id=None, agora=utc_now())
app.extensions["cache_service"].close()
"""


def make(running: "Running", people: list[tuple[str, str, str]], hostile: tuple[str, ...]) -> None:
    subprocess.run(
        [sys.executable, "-c", _MAKE, json.dumps(people), json.dumps(hostile)],
        cwd=running.folder,
        env=running.environment,
        check=True,
    )


def cpf_of(number: int) -> str:
    digits = [int(one) for one in f"{912_000_000 + number * 7:09d}"]
    for length in (10, 11):
        rest = sum(digit * weight for digit, weight in zip(digits, range(length, 1, -1), strict=True)) * 10 % 11 % 10
        digits.append(rest)
    return "".join(map(str, digits))


def test_what_people_are_called_runs_nowhere(page: Page, running: "Running") -> None:
    make(running, [], HOSTILE)
    first_login(page, running)
    page.goto(f"{running.url}/militantes?ordem=-filiacao")
    page.get_by_label("Buscar").fill("zz")
    page.get_by_role("button", name="Filtrar").click()
    expect(page.get_by_role("heading", name="Militantes", exact=True)).to_be_visible()
    fichas = page.locator("a.row-link").evaluate_all("links => links.map(link => link.pathname)")
    assert len(fichas) >= len(HOSTILE)
    paths = ["/", "/militantes", "/pagamentos", "/cotas", "/cotas/gerar", "/militantes/novo", "/militantes/pedidos"]
    paths += ["/pagamentos/novo", "/conta", "/usuarios", "/usuarios/1", "/admin/auditoria"]
    for ficha in fichas:
        number = ficha.rsplit("/", 1)[1]
        paths += [ficha, f"{ficha}/editar", f"{ficha}/desligar", f"/pagamentos/novo?militante_id={number}"]
        paths += [f"/pagamentos?militante_id={number}", f"/cotas?militante_id={number}"]
    for path in paths:
        answer = page.goto(f"{running.url}{path}")
        assert answer is not None
        assert answer.status == 200, path
        assert page.evaluate("window.ran") is None, path
        assert page.locator("main script, main img[src=x], main svg[onload], main b b").count() == 0, path
    page.goto(f"{running.url}/pagamentos/novo")
    page.get_by_label("Quem pagou?").press_sequentially("zz", delay=20)
    expect(page.locator(".result").first).to_be_visible()
    for text in HOSTILE[:4]:
        page.goto(f"{running.url}/militantes")
        page.get_by_label("Buscar").fill(text)
        page.get_by_role("button", name="Filtrar").click()
        assert page.evaluate("window.ran") is None
        assert page.get_by_label("Buscar").input_value() == text


def test_nobody_stays_behind_by_name(browser: Browser, running: "Running", tmp_path: Path) -> None:
    """Search, edit and pay people; then look for them wherever a browser, a proxy, a log and a cache keep things."""
    people = [
        (f"Quiteria Ximenes {_word(number)}", cpf_of(number), f"quiteria{number}@exemplo.org")
        for number in range(PEOPLE)
    ]
    make(running, people, ())
    profile = tmp_path / "profile"
    seen: list[str] = []
    chromium = browser.browser_type
    with chromium.launch_persistent_context(
        str(profile),
        executable_path=CHROMIUM,
        args=list(_FLAGS),
        locale="pt-BR",
        viewport={"width": 1200, "height": 900},
    ) as context:
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("request", lambda request: seen.append(f"{request.url} {request.headers.get('referer', '')}"))
        page.on("framenavigated", lambda frame: seen.append(frame.url))
        enter(page, running)
        for nome, cpf, _ in people:
            search_edit_pay(page, running, nome, cpf)
        page.locator(".band .user summary").click()
        cookies = repr(context.cookies())
        page.get_by_role("button", name="Sair").click()
        expect(page.get_by_text("Você saiu.")).to_be_visible()
    places = {"addresses": "\n".join(seen).encode(), "cookies": cookies.encode(), "cache": in_the_cache(running)}
    with closing(sqlite3.connect(profile / "Default" / "History")) as history:
        places["history"] = repr(history.execute("SELECT url, title FROM urls").fetchall()).encode()
    for log in running.folder.rglob("*.log*"):
        places[log.name] = log.read_bytes()
    places["output"] = (running.folder / "output.txt").read_bytes()
    assert b"/militantes" in places["history"]
    assert len(places["cache"]) > 1000
    wanted = {part for person in people for part in spellings(*person)}
    found = {(name, text) for name, content in places.items() for text in wanted if text.encode() in content}
    assert found == set()


def spellings(nome: str, cpf: str, email: str) -> set[str]:
    dotted = f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}"
    last = nome.rsplit(" ", 1)[1]
    return {
        nome,
        nome.replace(" ", "+"),
        nome.replace(" ", "%20"),
        nome.lower(),
        last,
        cpf,
        dotted,
        email,
        email.split("@")[0],
    }


def _word(number: int) -> str:
    return "Kw" + "".join("abcdefghij"[int(digit)] for digit in f"{number:03d}") + "vyz"


def enter(page: Page, running: "Running") -> None:
    """By a first login if nobody has been here, else by a code that no test has used yet."""
    page.goto(running.url)
    page.get_by_label("E-mail").fill(running.email)
    page.get_by_label("Senha").fill(running.password)
    page.get_by_role("button", name="Continuar").click()
    code = page.get_by_label("Código de 6 algarismos")
    if page.url.endswith("/primeiro-acesso"):
        code.fill(code_now(running.otp_secret))
        page.get_by_role("button", name="Confirmar e entrar").click()
        page.get_by_role("link", name="Já guardei").click()
    else:
        for _ in range(4):
            code.fill(code_now(running.otp_secret))
            page.get_by_role("button", name="Entrar").click()
            if "/segundo-fator" not in page.url:
                break
            # The code of this half minute was used by the login before: the next one comes by itself.
            page.wait_for_timeout(1000 * (30 - int(time.time()) % 30) + 500)
    expect(page.get_by_role("heading", name="Painel", exact=True)).to_be_visible()


def search_edit_pay(page: Page, running: "Running", nome: str, cpf: str) -> None:
    for text in (nome, cpf):
        page.goto(f"{running.url}/militantes")
        page.get_by_label("Buscar").fill(text)
        page.get_by_role("button", name="Filtrar").click()
        expect(page.locator("a.row-link", has_text=nome)).to_be_visible()
    page.goto(f"{running.url}/pagamentos")
    page.get_by_label("Buscar").fill(cpf)
    page.get_by_role("button", name="Filtrar").click()
    page.goto(f"{running.url}/militantes")
    page.get_by_label("Buscar").fill(nome)
    page.get_by_role("button", name="Filtrar").click()
    page.locator("a.row-link", has_text=nome).click()
    page.get_by_role("link", name="Editar").click()
    page.get_by_label("Telefone").fill("11987654321")
    page.get_by_role("button", name="Salvar alterações").click()
    expect(page.get_by_text("Alterações salvas.")).to_be_visible()
    page.goto(f"{running.url}/pagamentos/novo")
    page.get_by_label("Quem pagou?").press_sequentially(nome, delay=5)
    page.locator(".result", has_text=nome).click()
    page.get_by_role("button", name="Conferir").click()
    page.get_by_role("button", name="Salvar", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile(r"Pagamento nº \d+"))).to_be_visible()


def in_the_cache(running: "Running") -> bytes:
    """Every key and every value of the cache's server, as it keeps them."""
    url = EmbeddedServer.find(running.folder / "instance" / "cache")
    assert url is not None
    with closing(redis.Redis.from_url(url)) as server:
        return b"\n".join(key + b" " + (server.dump(key) or b"") for key in server.scan_iter())
