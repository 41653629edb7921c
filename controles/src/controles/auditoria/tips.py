"""The end of the audit as it was at some moment, kept where who writes the database does not: in the log, on paper.

A chain whose last rows were taken out is whole, only shorter. Nothing in the database tells; a tip from outside does.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import event
from sqlalchemy.orm import Session

# How many rows there are at the most from one tip in the log to the next.
EVERY = 100
EVENT = "audit_tip"
DIGITS = 16
_PENDING = "audit_tip"
_CODE = re.compile(rf"([1-9][0-9]{{0,17}})[-:. ]+([0-9a-f]{{8,{DIGITS}}})")

_log = structlog.stdlib.get_logger("controles.admin")


@dataclass(frozen=True, slots=True)
class Tip:
    """The number of the audit's last row, and how its digest begins, in hexadecimal digits."""

    row_id: int
    digest: str

    def __str__(self) -> str:
        return f"{self.row_id}-{self.digest}"


def tip_of(row_id: int, digest: bytes) -> Tip:
    """The tip of a chain that ends with this row."""
    return Tip(row_id, digest.hex()[:DIGITS])


def parse_tip(text: str) -> Tip:
    """A tip as it is shown, "1234-0123456789abcdef"; ValueError with a sentence for any other text."""
    match = _CODE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(
            f"“{text[:60]}” não é uma ponta da auditoria; escreva o número da linha, um traço e os algarismos, "
            "por exemplo 1234-0123456789abcdef."
        )
    return Tip(int(match[1]), match[2])


class TipLog:
    """Writes a tip to the log on the first commit of a day, and whenever `EVERY` rows more have been committed."""

    def __init__(self) -> None:
        self._day: dt.date | None = None
        self._hundred = -1

    def note(self, tip: Tip, *, day: dt.date) -> None:
        hundred = tip.row_id // EVERY
        if day == self._day and hundred == self._hundred:
            return
        self._day, self._hundred = day, hundred
        _log.info(EVENT, tip=str(tip))


_tip_log = TipLog()


def when_committed(session: Session, tip: Tip, *, day: dt.date) -> None:
    """Let the log hear of `tip` once this transaction is committed, and not if it is rolled back."""
    session.info[_PENDING] = (tip, day)


@event.listens_for(Session, "after_commit")
def _committed(session: Session) -> None:
    pending = session.info.pop(_PENDING, None)
    if pending is not None:
        tip, day = pending
        _tip_log.note(tip, day=day)


@event.listens_for(Session, "after_rollback")
def _rolled_back(session: Session) -> None:
    session.info.pop(_PENDING, None)


def tips_in_logs(files: Iterable[Path]) -> tuple[Tip, ...]:
    """The tips that these log files hold, each once, by number; a file or line that cannot be read is passed over."""
    found: set[Tip] = set()
    for path in files:
        try:
            with path.open(encoding="utf-8", errors="replace") as lines:
                found.update(tip for line in lines if EVENT in line and (tip := _tip_in(line)) is not None)
        except OSError:
            continue
    return tuple(sorted(found, key=lambda tip: (tip.row_id, tip.digest)))


def _tip_in(line: str) -> Tip | None:
    try:
        entry = json.loads(line)
        return parse_tip(entry["tip"]) if entry["event"] == EVENT else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
