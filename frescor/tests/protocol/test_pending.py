"""What the store has not taken yet stays until it has, and a later write stays after that."""

from frescor._protocol.pending import Pending


def test_nothing_is_pending_at_first() -> None:
    pending = Pending()
    assert not pending
    assert pending.invalidations == 0
    assert pending.snapshot().numbers == {}


def test_each_kind_is_handed_over_apart_and_a_lease_is_no_invalidation() -> None:
    pending = Pending()
    pending.add(tags=("a",), keys=("k",), leases=(("k", "token"),))
    pending.add(tags=("b",), durable=True)
    batch = pending.snapshot()
    assert (batch.tags, batch.durable, batch.keys, batch.leases) == (("a",), ("b",), ("k",), (("k", "token"),))
    assert pending.invalidations == 3
    pending.settled(batch)
    assert not pending


def test_what_was_added_again_during_its_delivery_stays() -> None:
    pending = Pending()
    pending.add(tags=("a", "b"))
    batch = pending.snapshot()
    pending.add(tags=("a",))
    pending.settled(batch)
    assert pending.snapshot().tags == ("a",)


def test_the_same_tag_by_hand_and_in_an_outbox_is_kept_as_both() -> None:
    pending = Pending()
    pending.add(tags=("a",), durable=True)
    pending.add(tags=("a",))
    assert (pending.snapshot().tags, pending.snapshot().durable) == (("a",), ("a",))


def test_after_a_fork_what_was_pending_still_is() -> None:
    pending = Pending()
    pending.add(tags=("a",))
    pending._lock.acquire()
    pending.start_again()
    assert pending.snapshot().tags == ("a",)
