"""Counters reach the store, those of local hits too, and wait for it while it is away."""

import threading
from collections import Counter
from collections.abc import Mapping

from frescor._runtime.reporter import Reporter
from frescor.errors import StoreUnavailable


class Sink:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.told = threading.Event()
        self.away = False

    def count(self, deltas: Mapping[str, int]) -> None:
        if self.away:
            raise StoreUnavailable("away")
        self.counts.update(deltas)
        self.told.set()


def test_an_event_is_delivered_by_a_thread_that_it_starts() -> None:
    sink = Sink()
    reporter = Reporter(sink, every=0.01)
    reporter.add("price", "hits")
    assert sink.told.wait(10)
    reporter.close()
    assert sink.counts == {"hits|price": 1}


def test_local_hits_are_counted_in_place_by_policy_and_function() -> None:
    sink = Sink()
    reporter = Reporter(sink)
    for function, hits in (("one", 2), ("two", 3)):
        reporter.cell("price", function)[0] += hits
    assert reporter.cell("price", "one") is reporter.cell("price", "one")
    reporter.flush()
    reporter.cell("price", "one")[0] += 1
    reporter.flush()
    assert sink.counts == {"local|price": 6}
    assert [reporter.counted("price", name) for name in ("one", "two", "none")] == [3, 3, 0]


def test_what_cannot_be_delivered_waits_for_the_store() -> None:
    sink = Sink()
    reporter = Reporter(sink, every=1000)
    reporter.add("price", "hits")
    sink.away = True
    reporter.flush()
    sink.away = False
    reporter.add("price", "hits")
    reporter.close()
    assert sink.counts == {"hits|price": 2}


def test_after_its_end_no_thread_begins() -> None:
    reporter = Reporter(Sink(), every=1000)
    reporter.close()
    before = threading.active_count()
    reporter.add("price", "hits")
    assert threading.active_count() == before


def test_nothing_is_asked_of_the_store_while_nothing_was_counted() -> None:
    sink = Sink()
    Reporter(sink).flush()
    assert not sink.told.is_set()
