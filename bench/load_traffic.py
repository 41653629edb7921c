"""What the load does: pages as a treasurer opens them, payments through their pages, and a look for stale answers."""

import concurrent.futures
import datetime as dt
import itertools
import random
import re
import time
from dataclasses import dataclass, field

from load_browser import Answer, Browser
from load_stack import Stack

from controles.web import late_totals

CALLERS = 32
WRITES_IN = 10
WATCHED_PEOPLE = 8
MOST_PAYERS = 2000
# What differs between two answers that say the same: keys of forms, and when a value was computed.
_PASSING = re.compile(
    r'name="(csrf_token|chave_idempotencia)"[^>]*>|<meta name="csrf[^>]*>|nonce="[^"]*"|datetime="[^"]*"'
    r"|dados de [^<]*<"
)


@dataclass
class Samples:
    """What happened: seconds, statements without the log-in's, and all statements; a row for each read and write. A
    read's seconds are those of its page, its statements those of its totals, too; `totals`: seconds of totals that came
    after their page."""

    reads: list[tuple[float, int, int]] = field(default_factory=list)
    writes: list[tuple[float, int, int]] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    elapsed: float = 0.0


def pages(stack: Stack, hoje: dt.date, chance: random.Random) -> list[str]:
    """Twenty pages as a treasurer opens them: the panel, lists by filter, people, a payment."""
    with stack.connect() as connection:

        def ids(query: str) -> list[int]:
            return [int(str(row[0])) for row in connection.execute(query)]

        people = ids("SELECT id FROM militante WHERE situacao = 'ativo' ORDER BY id LIMIT 2000")
        payments = ids("SELECT id FROM pagamento ORDER BY data_credito DESC, id DESC LIMIT 200")
        nucleos = ids("SELECT nucleo_id FROM militante WHERE nucleo_id > 0 GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    month = hoje.replace(day=1)
    before = (month - dt.timedelta(days=1)).replace(day=1)
    return [
        "/",
        "/militantes",
        "/militantes?situacao=ativo",
        f"/militantes?nucleo_id={nucleos[0]}",
        "/cotas",
        "/cotas?estado=aberta",
        f"/cotas?competencia={before}",
        f"/cotas?competencia={month}&estado=quitada",
        "/pagamentos",
        "/pagamentos?metodo=pix",
        f"/pagamentos?de={month}&ate={hoje}",
        f"/pagamentos/{chance.choice(payments)}",
        *(f"/militantes/{person}" for person in chance.sample(people, WATCHED_PEOPLE)),
    ]


def payers(stack: Stack, targets: list[str], chance: random.Random) -> list[int]:
    """Whose payments are registered: some thousands of those who have something to pay, of whom no page is read."""
    owing = "SELECT DISTINCT militante_id FROM cota WHERE pago < valor AND dispensada_em IS NULL ORDER BY militante_id"
    with stack.connect() as connection:
        people = [int(str(row[0])) for row in connection.execute(owing)]
    others = [person for person in people if f"/militantes/{person}" not in targets]
    return chance.sample(others, min(len(others), MOST_PAYERS))


class Load:
    """Operations of one run against one server."""

    def __init__(self, browsers: list[Browser], targets: list[str], people: list[int], seed: int) -> None:
        self.samples = Samples()
        self._browsers = itertools.cycle(browsers)
        self._targets = targets
        self._people = people
        self._chance = random.Random(seed)

    def run(self, *, rate: float, seconds: float) -> None:
        """`rate` operations a second, each due at its time, whatever the others do."""
        total = int(rate * seconds)
        began = time.perf_counter() + 0.5
        with concurrent.futures.ThreadPoolExecutor(CALLERS) as callers:
            waiting = []
            for number in range(total):
                due = began + number / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                browser = next(self._browsers)
                if number % WRITES_IN == WRITES_IN - 1:
                    waiting.append(callers.submit(self._pay, browser, self._chance.choice(self._people), due))
                else:
                    waiting.append(callers.submit(self._read, browser, self._chance.choice(self._targets), due))
            for done in waiting:
                done.result()
        self.samples.elapsed = time.perf_counter() - began

    def _read(self, browser: Browser, path: str, due: float) -> None:
        answer = browser.get(path)
        took, reads, statements = time.perf_counter() - due, answer.reads, answer.statements
        if answer.status != 200:
            self.samples.wrong.append(f"GET {path}: {answer.status}")
        elif answer.late is not None:
            # As the page's script does.
            totals = browser.get(answer.late, by_script=True)
            self.samples.totals.append(totals.seconds)
            reads, statements = reads + totals.reads, statements + totals.statements
            if totals.status != 200:
                self.samples.wrong.append(f"GET {answer.late}: {totals.status}")
        self.samples.reads.append((took, reads, statements))

    def _pay(self, browser: Browser, person: int, due: float) -> None:
        paid = pay(browser, person, due)
        if isinstance(paid, str):
            self.samples.wrong.append(paid)
            return
        payment, took, steps = paid
        self.samples.writes.append((took, sum(one.reads for one in steps), sum(one.statements for one in steps)))
        # Another user opens the payer's page and the list: the payment that was saved is there.
        other = next(self._browsers)
        for path in (f"/militantes/{person}", "/pagamentos"):
            if f'/pagamentos/{payment}"' not in other.get(path).text:
                self.samples.stale.append(f"{path} without {payment}")


def pay(browser: Browser, person: int, due: float = 0.0) -> tuple[str, float, list[Answer]] | str:
    """Register a payment by its pages: its number, how long saving took, and the answers; or what went wrong."""
    form = browser.get(f"/pagamentos/novo?militante_id={person}")
    sent = browser.submit(form, action="/pagamentos/novo", button="conferir", typed={"valor": "10,00"})
    preview = browser.get(sent.location) if sent.location else sent
    # The time of a write is that of saving, from the click on.
    clicked = max(due, time.perf_counter())
    saved = browser.submit(preview, action="/pagamentos/novo", button="salvar", typed={})
    took = time.perf_counter() - clicked
    found = re.fullmatch(r"/pagamentos/(\d+)", saved.location)
    if found is None:
        return f"a payment of {person}: {saved.status} {saved.location}"
    return found[1], took, [form, sent, preview, saved]


@dataclass(frozen=True, slots=True)
class Visit:
    """What one page cost, its totals included; ms of the page alone."""

    path: str
    ms: float
    statements: int


def visit(browser: Browser, path: str) -> Visit:
    """One page, and its totals if they come after it."""
    answer = browser.get(path)
    late = browser.get(answer.late, by_script=True) if answer.late is not None else None
    if answer.status != 200 or (late is not None and late.status != 200):
        raise SystemExit(f"GET {path} answered {answer.status}; the pages have changed.")
    return Visit(path, answer.seconds * 1000, answer.reads + (late.reads if late is not None else 0))


def texts(browser: Browser, targets: list[str]) -> dict[str, str]:
    """What each page says, with its totals in it."""
    found = {}
    for path in targets:
        with_totals = f"{path}{'&' if '?' in path else '?'}{late_totals.PARAMETER}=1"
        found[path] = _PASSING.sub("", browser.get(with_totals).text)
    return found
