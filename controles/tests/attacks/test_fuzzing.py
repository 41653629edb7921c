"""Every parameter of every page, with values that somebody hostile would send: a page or a refusal, never an error.

The parameters are found in the application's own map and forms, so a new page is fuzzed by itself. In the gate each one
that the page reads is tried with a few of the values, others for each parameter. CONTROLES_FUZZ=all tries more of them,
read or not, as every role and scope, each with others, which takes most of an hour:

    CONTROLES_FUZZ=all python -m pytest controles/tests/attacks/test_fuzzing.py
"""

import dataclasses
import io
import os
import random
import re
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.routing import Rule

from controles.auditoria.records import FiltroAuditoria
from controles.contas.models import Papel
from controles.cotas.records import FiltroCotas
from controles.militantes.records import FiltroMilitantes
from controles.pagamentos.records import FiltroPagamentos

from .conftest import PUBLIC, World, fields_of

Visit = Callable[..., Any]

ALL = os.environ.get("CONTROLES_FUZZ") == "all"
# What says to the reader what was wrong: a page of its own, or a message on the page of the form.
SENTENCE = r'<p>[^<]{10}|role="alert"|class="error"'

# How many of the values each parameter of an address, each field of a form, and all at once are tried with.
# Ten roles and scopes together come to more than half of all values for each field of a form.
IN_ADDRESS, IN_FORM, AT_ONCE = (3, 6, 999) if ALL else (1, 2, 4)

NUMBERS = [
    "0", "-1", "-0", "1e9", "1.5", "0x10", "٣", "²", "１２", "1_000", "+1", " 1 ", "NaN", "inf", "-inf",
    str(2**31 - 1), str(2**31), str(2**53), str(2**63 - 1), str(2**63), str(2**64), str(10**30), "9" * 400, "9" * 5000,
]  # fmt: skip
DATES = [
    "0001-01-01", "0000-00-00", "1582-10-10", "9999-12-01", "9999-12-31", "10000-01-01", "2026-02-30", "2026-W01-1",
    "20260301", "31/12/9999", "01/01/0001", "٠١/٠١/٢٠٢٦", "2026-03-01T00:00:00+25:00",
]  # fmt: skip
TEXTS = [
    "", " ", "\t\n", "\0", "a\0b", "\x01\x1b[31m", "\x7f", "\x85", "\u2028", "\ufeff", "\u200b", "\u202eanaM", "\ufffd",
    "\uffff", "\U0010ffff", "e\u0301" * 30, "𝕄𝕒𝕣𝕚𝕒", "ﷺ" * 20, "ß" * 200, "İ" * 200, "%", "_", "%%%", "\\", "'", '"',
    "';--", "' OR 1=1 --", "{{7*7}}", "${7*7}", "%s%n", "../../etc/passwd", "<script>alert(1)</script>", "=1+1", "null",
    "[]", "None", "true", "a" * 300, "a" * 70_000, "R$ 1.000.000.000,00", "1" * 300 + ",00", "-5,00", "0,001", "1e400",
    "x@y",
    "a@" + "b" * 300 + ".c", "@", "é@é.é", "a@b\r\nBcc: c@d.e", "E" * 32, "/", "//mau.example", "/\\mau", "http://[",
    "nenhum",
]  # fmt: skip
VALUES = NUMBERS + DATES + TEXTS

FILTERS = {
    field.name
    for kind in (FiltroMilitantes, FiltroPagamentos, FiltroCotas, FiltroAuditoria)
    for field in dataclasses.fields(kind)
}
QUERY = sorted(FILTERS | {"cursor", "q", "ano", "next", "militante_id", "competencia", "inexistente"})
# What forms send that stands in none of the pages that a reader sees first.
FORM = {
    "cota_ids": "1", "etapa": "salvar", "acao": "papel", "papel": "leitura", "militante_id": "1",
    "chave_idempotencia": "k", "email": "x@y.z", "senha": "x", "codigo": "123456", "versao": "1",
    "nova": "n" * 12, "repetida": "n" * 12,
    "csrf_token": "",
}  # fmt: skip


def chosen(rule: Rule, name: str, count: int) -> list[str]:
    """The values that this parameter is tried with: all, or so many from a place of its own."""
    start = zlib.crc32(f"{rule.rule} {name}".encode())
    return [VALUES[(start + step * 37) % len(VALUES)] for step in range(min(count, len(VALUES)))]


class Hunt:
    """Sends, and keeps what was answered wrongly."""

    def __init__(self, visitor: Any) -> None:
        self.client = visitor.client
        self.token = self.client.get("/teste/token").text
        self.wrong: list[str] = []
        self.sent = 0

    def send(self, method: str, path: str, what: str, **options: Any) -> None:
        self.sent += 1
        try:
            answer = self.client.open(path, method=method, **options)
        # Whatever it was, the page would have been an error: in a test it comes through.
        except Exception as error:  # noqa: BLE001
            self.wrong.append(f"{method} {path[:80]} {what}: {type(error).__name__}: {str(error)[:200]}")
            return
        if answer.status_code >= 500:
            self.wrong.append(f"{method} {path[:80]} {what}: {answer.status_code}")
        elif answer.status_code >= 400 and not ("<h1>" in answer.text and re.search(SENTENCE, answer.text)):
            self.wrong.append(f"{method} {path[:80]} {what}: {answer.status_code} without a sentence")

    def form(self, path: str, data: dict[str, Any], what: str) -> None:
        """As it is, and with the token: a form of a page that needs one gets past it."""
        self.send("POST", path, what, data={**data, "csrf_token": self.token})


def shown(value: str) -> str:
    return ascii(value if len(value) < 30 else f"{value[:20]}… ({len(value)})")


def roles(world: World) -> list[tuple[Papel, int | None]]:
    whole = [(papel, None) for papel in Papel]
    return [*whole, *((papel, world.near.nucleo_id) for papel in Papel)] if ALL else [(Papel.ADMIN, None)]


def test_no_parameter_of_an_address_is_an_error(world: World, visit_any: Visit) -> None:
    for papel, nucleo_id in roles(world):
        hunt = Hunt(visit_any(papel, nucleo_id))
        for rule, method in world.rules():
            if method != "GET":
                continue
            path = world.address(rule, world.near.ids)
            for name in QUERY if ALL else world.read_by(hunt.client, path, QUERY):
                for value in chosen(rule, f"{name} {papel} {nucleo_id is None}", IN_ADDRESS):
                    hunt.send("GET", path, f"{name}={shown(value)}", query_string={name: value})
        assert hunt.wrong == []
        assert hunt.sent > 200


def test_no_number_in_a_path_is_an_error(world: World, visit_any: Visit) -> None:
    for papel, nucleo_id in roles(world):
        hunt = Hunt(visit_any(papel, nucleo_id))
        for rule, method in world.rules():
            for value in (VALUES if ALL else NUMBERS[:: 2 if method == "GET" else 5]) if rule.arguments else ():
                # Past the building of addresses, which knows what a number is.
                path = rule.rule
                for name in rule.arguments:
                    path = path.replace(f"<int:{name}>", "{}").replace(f"<{name}>", "{}")
                path = path.replace("{}", value.replace("?", "").replace("#", ""))
                hunt.send(method, path, "", data={"csrf_token": hunt.token} if method != "GET" else None)
        assert hunt.wrong == []


def test_no_field_of_a_form_is_an_error(world: World, visit_any: Visit) -> None:
    for papel, nucleo_id in roles(world):
        hunt = Hunt(visit_any(papel, nucleo_id))
        for rule, method in world.rules():
            if method != "POST" or rule.endpoint == "contas.logout":
                continue
            path = world.address(rule, world.near.ids)
            page = hunt.client.get(path)
            fields = {**FORM, **(fields_of(page.text) if page.status_code == 200 else {})}
            read = fields if ALL else world.sent_and_read(hunt.client, path, {**fields, "csrf_token": hunt.token})
            for name in sorted(set(read) - {"csrf_token"}):
                for value in chosen(rule, f"{name} {papel} {nucleo_id is None}", IN_FORM):
                    hunt.form(path, {**fields, name: value}, f"{name}={shown(value)}")
        assert hunt.wrong == []


def test_no_value_in_every_field_at_once_is_an_error(world: World, visit_any: Visit) -> None:
    hunt = Hunt(visit_any())
    for rule, method in world.rules():
        path = world.address(rule, world.near.ids)
        for value in chosen(rule, "*", AT_ONCE):
            if method == "GET":
                hunt.send("GET", path, f"*={shown(value)}", query_string=dict.fromkeys(QUERY, value))
            elif rule.endpoint != "contas.logout":
                hunt.form(path, dict.fromkeys([*FORM, *QUERY], value), f"*={shown(value)}")
    assert hunt.wrong == []


def test_no_number_of_fields_is_an_error(world: World, visit_any: Visit) -> None:
    hunt = Hunt(visit_any())
    many = [("cota_ids", str(number)) for number in range(66_000)]
    for rule, method in world.rules():
        path = world.address(rule, world.near.ids)
        if method == "GET":
            hunt.send("GET", path, "2,001 parameters", query_string=MultiDict([("situacao", "ativo")] * 2001))
        elif rule.endpoint != "contas.logout":
            body = {"csrf_token": hunt.token, "militante_id": str(world.near.ids["militante_id"])}
            # The many where they would reach a statement; elsewhere it is enough that they are too many.
            reads = "cota_ids" in world.sent_and_read(hunt.client, path, {**body, "cota_ids": "1"})
            for count in (*((3, 1999) if reads else ()), 66_000 if rule.rule == "/pagamentos/novo" else 2001):
                some = MultiDict(many[:count])
                some.update(body)
                hunt.send("POST", path, f"{count} ids", data=some)
            hunt.send("POST", path, "fields", data={**body, **{f"f{number}": "" for number in range(3000)}})
    assert hunt.wrong == []


def test_no_kind_of_body_is_an_error(world: World, visit_any: Visit) -> None:
    hunt = Hunt(visit_any())
    bodies: list[dict[str, Any]] = [
        {"data": b"\xff\xfe\x00", "content_type": "application/x-www-form-urlencoded"},
        {"data": b"nome=%ff%fe&versao=%00", "content_type": "application/x-www-form-urlencoded; charset=utf-7"},
        {"data": b"nome=x", "content_type": "application/x-www-form-urlencoded; charset=klingon"},
        {"data": b"nome", "content_type": "multipart/form-data"},
        {"data": b"--x\r\nbad", "content_type": "multipart/form-data; boundary=x"},
        {
            "data": b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--",
            "content_type": "multipart/form-data; boundary=x",
        },
        {
            "data": b"--x\r\nContent-Disposition: form-data; name=a\r\nContent-Type: a; charset=hz\r\n\r\n~{\r\n--x--",
            "content_type": "multipart/form-data; boundary=x",
        },
        {"json": {"nome": {"$ne": None}}},
        {"data": b"{" * 5000, "content_type": "application/json"},
        {"data": b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "content_type": "text/xml"},
        {"data": b"", "content_type": "x" * 2000},
        {"data": {"nome": (io.BytesIO(b"x"), "\x1b.csv")}},
        {"data": b"", "headers": {"Content-Length": "-1"}},
    ]
    for rule, method in world.rules():
        if method != "GET" and rule.endpoint != "contas.logout":
            path = world.address(rule, world.near.ids)
            for number, body in enumerate(bodies):
                options = dict(body)
                options["headers"] = {"X-CSRFToken": hunt.token, **body.get("headers", {})}
                # The stream of a file is read to its end the first time.
                if isinstance(body.get("data"), dict):
                    options["data"] = {"nome": (io.BytesIO(b"x"), "\x1b.csv")}
                hunt.send(method, path, f"body {number}", **options)
    assert hunt.wrong == []


@pytest.mark.parametrize(
    "name", ["Cookie", "Host", "Referer", "Origin", "Accept-Language", "X-Forwarded-For", "Range", "If-None-Match"]
)
def test_no_header_is_an_error(world: World, visit_any: Visit, name: str) -> None:
    hunt = Hunt(visit_any())
    values = [
        "",
        "x",
        "é",
        "\xff\xfe",
        "%00",
        "a" * 8000,
        "controles_sessao=; controles_aparelho=x",
        "bytes=99-1",
        "[::1",
        "a:b:c",
    ]
    for path in ("/", "/entrar", "/militantes", "/static/favicon.svg", "/inexistente"):
        for value in values:
            hunt.send("GET", path, f"{name}: {shown(value)}", headers={name: value.encode("utf-8").decode("latin-1")})
    assert hunt.wrong == []


def test_nobody_logged_in_finds_an_error_either(world: World) -> None:
    hunt = Hunt(type("Stranger", (), {"client": world.app.test_client()}))
    randomly = random.Random(7)
    for rule, method in world.rules():
        if rule.endpoint in PUBLIC:
            path = world.address(rule, world.near.ids)
            for value in VALUES if ALL else randomly.sample(VALUES, 6):
                if method == "GET":
                    hunt.send("GET", path, f"next={shown(value)}", query_string={"next": value, "q": value})
                else:
                    for name in ("email", "senha", "codigo"):
                        hunt.form(
                            path, {"email": "a@b.c", "senha": "x", "codigo": "1", name: value}, f"{name}={shown(value)}"
                        )
    assert hunt.wrong == []
