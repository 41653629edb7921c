"""A month with people who owe it, and a mail server that listens."""

import datetime as dt
import socketserver
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask

from controles.domain.escopo import Escopo
from controles.lembretes.models import Canal, Regra
from controles.lembretes.records import FiltroLembretes, Pedido
from controles.lembretes.services import mark_month, register_lembretes

FEBRUARY = dt.date(2026, 2, 1)


@dataclass
class Reminding:
    """Records reminders as the test's clock has it."""

    org: Any

    def complete(self, competencia: dt.date = FEBRUARY, *, completo: bool = True) -> None:
        mark_month(Escopo(), competencia, completo=completo, autor_id=None, agora=self.org.clock.now)

    def register(
        self, *militante_ids: int, escopo: Escopo | None = None, canal: Canal = Canal.EMAIL, **filtro: Any
    ) -> Any:
        wanted: dict[str, Any] = {"competencia": FEBRUARY, "regra": Regra.AVISO} | filtro
        return register_lembretes(
            escopo or Escopo(),
            Pedido(filtro=FiltroLembretes(**wanted), militante_ids=militante_ids, canal=canal),
            autor_id=None,
            agora=self.org.clock.now,
            hoje=self.org.clock.today,
        )


@pytest.fixture
def reminding(org: Any) -> Reminding:
    return Reminding(org)


@pytest.fixture
def at_once(app: Flask) -> Callable[..., list[Any]]:
    """What each of several actions returns, all started at the same moment."""

    def run_all(*actions: Callable[[], Any]) -> list[Any]:
        together = threading.Barrier(len(actions))

        def run(action: Callable[[], Any]) -> Any:
            with app.app_context():
                together.wait()
                return action()

        with ThreadPoolExecutor(len(actions)) as pool:
            return list(pool.map(run, actions))

    return run_all


@dataclass
class MailServer:
    """Speaks as much SMTP as a client needs. `on_rcpt` and `on_data` answer, or hang up by returning None."""

    port: int = 0
    letters: list[str] = field(default_factory=list)
    on_rcpt: Callable[[str], str | None] = lambda line: "250 ok"
    on_data: Callable[[str], str | None] = lambda letter: "250 taken"
    greeting: str = "220 here"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    state = MailServer()

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say(state.greeting)
            while line := self.rfile.readline().decode().strip():
                verb = line[:4].upper()
                answer: str | None = "250 ok"
                if verb == "RCPT":
                    answer = state.on_rcpt(line)
                elif verb == "DATA":
                    self.say("354 go on")
                    answer = self.take()
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                if answer is None:
                    return
                self.say(answer)

        def take(self) -> str | None:
            lines = []
            while (line := self.rfile.readline().decode()) not in {".\r\n", ""}:
                lines.append(line)
            letter = "".join(lines)
            answer = state.on_data(letter)
            if answer is not None and answer.startswith("250"):
                state.letters.append(letter)
            return answer

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        server.daemon_threads = True
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield state
        server.shutdown()
        thread.join()
