"""The end of the audit at some moment, kept where whoever writes the database cannot write: in the log, or on paper.

A chain whose last rows were removed is still intact, only shorter. Only a tip from outside the database reveals that.
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

# The largest number of rows between two tips in the log.
EVERY = 100
EVENT = "audit_tip"
RESTORED = "audit_restored"
DIGITS = 16
_PENDING = "audit_tip"
_CODE = re.compile(rf"([1-9][0-9]{{0,17}})[-:. ]+([0-9a-f]{{8,{DIGITS}}})")

_log = structlog.stdlib.get_logger("controles.admin")


@dataclass(frozen=True, slots=True)
class Tip:
    """The number of the audit's last row, and the first hexadecimal digits of its digest."""

    row_id: int
    digest: str

    def __str__(self) -> str:
        return f"{self.row_id}-{self.digest}"


def tip_of(row_id: int, digest: bytes) -> Tip:
    """The tip of a chain that ends with this row."""
    return Tip(row_id, digest.hex()[:DIGITS])


def parse_tip(text: str) -> Tip:
    """The tip in a text such as "1234-0123456789abcdef"; ValueError with a sentence for any other text."""
    match = _CODE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(
            f"“{text[:60]}” não é uma ponta da auditoria; escreva o número da linha, um traço e os algarismos, "
            "por exemplo 1234-0123456789abcdef."
        )
    return Tip(int(match[1]), match[2])


class TipLog:
    """Writes a tip to the log at the first commit of a day, and after every further `EVERY` committed rows."""

    def __init__(self) -> None:
        self._day: dt.date | None = None
        self._hundred = -1

    def note(self, tip: Tip, *, day: dt.date) -> None:
        hundred = tip.row_id // EVERY
        if day == self._day and hundred == self._hundred:
            return
        self._day, self._hundred = day, hundred
        _log.info(EVENT, tip=str(tip))

    def begin_again(self) -> None:
        """Write the next tip, whatever was written before."""
        self._day = None


_tip_log = TipLog()


def when_committed(session: Session, tip: Tip, *, day: dt.date) -> None:
    """Write `tip` to the log once this transaction is committed; not if it is rolled back."""
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


def note_restored(*, usuario_id: int | None) -> None:
    """Write to the log that a copy was restored: tips from before that are of another chain."""
    _log.warning(RESTORED, user=usuario_id)
    _tip_log.begin_again()


def tips_in_logs(files: Iterable[Path]) -> tuple[Tip, ...]:
    """The tips in these log files since a copy was restored last, each once, by number.

    Unreadable files and lines are skipped.
    """
    found: dict[Tip, str] = {}
    restored = ""
    for path in files:
        try:
            with path.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if EVENT in line and (noted := _tip_in(line)) is not None:
                        tip, when = noted
                        found[tip] = max(when, found.get(tip, ""))
                    elif RESTORED in line:
                        restored = max(restored, _when_restored(line))
        except OSError:
            continue
    since = [tip for tip, when in found.items() if when >= restored]
    return tuple(sorted(since, key=lambda tip: (tip.row_id, tip.digest)))


def _tip_in(line: str) -> tuple[Tip, str] | None:
    """The tip, and the instant of its line, which sorts as text."""
    try:
        entry = json.loads(line)
        return (parse_tip(entry["tip"]), str(entry.get("timestamp", ""))) if entry["event"] == EVENT else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _when_restored(line: str) -> str:
    try:
        entry = json.loads(line)
        return str(entry["timestamp"]) if entry["event"] == RESTORED else ""
    except (ValueError, KeyError, TypeError):
        return ""
