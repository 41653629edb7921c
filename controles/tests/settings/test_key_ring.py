"""Keys derived for one purpose each."""

from controles.settings.key_ring import derive, key_ring


def test_a_key_depends_on_the_secret_and_on_the_purpose() -> None:
    keys = {derive("um", "a"), derive("um", "b"), derive("dois", "a")}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}


def test_the_ring_keeps_the_order_of_the_secrets() -> None:
    assert key_ring(("novo", "velho"), "a") == (derive("novo", "a"), derive("velho", "a"))
