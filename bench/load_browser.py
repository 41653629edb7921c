"""A browser for the load: cookies, forms as pages show them, and what the server says about its statements."""

import datetime as dt
import http.client
import threading
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from controles.contas import totp
from controles.settings.published import KnownUser
from controles.web import late_totals

_MOST_REDIRECTS = 5


class _Forms(HTMLParser):
    """The forms of a page: where each goes, and what its fields hold."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]], list[tuple[str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((values.get("action", ""), [], []))
        elif self.forms and values.get("name"):
            _, fields, buttons = self.forms[-1]
            pair = (values["name"], values.get("value", ""))
            chosen = values.get("type") not in ("checkbox", "radio") or "checked" in values
            if tag == "button":
                buttons.append(pair)
            # A box that must be ticked asks whether this is another payment than one of today: it is.
            elif tag == "input" and (chosen or "required" in values):
                fields.append(pair)
            elif tag in ("textarea", "select"):
                fields.append((values["name"], ""))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. statements: all that its request sent to the database, those of the redirects before it too;
    of these `logins` asked who is logged in."""

    path: str
    status: int
    text: str
    location: str
    statements: int
    logins: int
    seconds: float

    @property
    def reads(self) -> int:
        """Statements but for those that asked who is logged in, which are never answered by the cache."""
        return self.statements - self.logins

    @property
    def late(self) -> str | None:
        """Where the page's totals are, if they come after it."""
        _, found, rest = self.text.partition('data-late="')
        return rest.partition('"')[0].replace("&amp;", "&") if found else None


class Browser:
    """One logged-in user's cookies; each thread has a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        # As the pages' script says it: this browser fetches totals that come after their page.
        self._cookies = {late_totals.COOKIE: "1"}
        self._lines = threading.local()

    def get(self, path: str, *, by_script: bool = False) -> Answer:
        """A page, with its redirects followed."""
        answer = self._ask("GET", path, by_script=by_script)
        for _ in range(_MOST_REDIRECTS):
            if not answer.location:
                break
            before, answer = answer, self._ask("GET", answer.location)
            answer = _after(before, answer)
        return answer

    def post(self, path: str, fields: Sequence[tuple[str, str]]) -> Answer:
        """What a form's sending comes to; a redirect is not followed."""
        return self._ask("POST", path, fields)

    def submit(self, page: Answer, *, action: str, button: str | None = None, typed: dict[str, str]) -> Answer:
        """The form of a page that goes to `action`, with what was typed into its empty fields."""
        parser = _Forms()
        parser.feed(page.text)
        for written, fields, buttons in parser.forms:
            where = written or page.path
            if where.startswith(action) and (button is None or any(value == button for _, value in buttons)):
                sent = [(name, value or typed.get(name, "")) for name, value in fields]
                if button is not None:
                    sent += [pair for pair in buttons if pair[1] == button][:1]
                return self.post(where, sent)
        raise SystemExit(f"No form goes to {action} (button {button}); the pages have changed:\n{page.text[:2000]}")

    def log_in(self, user: KnownUser) -> None:
        """Both factors. Ends the program if that user cannot log in."""
        page = self.get("/entrar")
        answer = self.submit(page, action="/entrar", typed={"email": user.email, "senha": user.password})
        page = self.get(answer.location)
        code = totp.code_at(user.totp_secret, dt.datetime.now(dt.UTC))
        answer = self.submit(page, action="/segundo-fator", typed={"codigo": code})
        if self._ask("GET", "/").status != 200:
            raise SystemExit(f"{user.email} could not log in: {answer.status} {answer.text[:500]}")

    def _ask(
        self, method: str, path: str, fields: Sequence[tuple[str, str]] = (), *, by_script: bool = False
    ) -> Answer:
        """One request; asked again on a new line if the server had closed the old one meanwhile."""
        body = urllib.parse.urlencode(fields) if fields else None
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if by_script:
            headers["X-Requested-With"] = "fetch"
        began = time.perf_counter()
        for last in (False, True):
            line = getattr(self._lines, "line", None)
            if line is None or line.port != self.port:
                line = self._lines.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
            try:
                line.request(method, path, body, headers)
                found = line.getresponse()
                text = found.read().decode()
                break
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                line.close()
                if last:
                    raise
        took = time.perf_counter() - began
        for cookie in found.headers.get_all("Set-Cookie") or ():
            name, _, rest = cookie.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        location = found.headers.get("Location", "") if 300 <= found.status < 400 else ""
        statements, logins = (int(found.headers.get(name) or 0) for name in ("X-Statements", "X-Login-Statements"))
        return Answer(path, found.status, text, location, statements, logins, took)


def _after(before: Answer, answer: Answer) -> Answer:
    """An answer with what the one cost that led to it."""
    return Answer(
        answer.path,
        answer.status,
        answer.text,
        answer.location,
        before.statements + answer.statements,
        before.logins + answer.logins,
        before.seconds + answer.seconds,
    )
