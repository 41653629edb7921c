"""A request that is given up ends no load that others wait for."""

import asyncio
from typing import Any

import pytest

from frescor.asgi.together import Together


class Call:
    def __init__(self, *, loads: bool) -> None:
        self.task: asyncio.Task[Any] | None = None
        self.loads, self.left = loads, False

    def leave(self) -> None:
        self.left = True


@pytest.mark.parametrize(
    ("stays", "others", "loads", "ended", "left"),
    [
        (False, False, True, "cancelled", False),
        (False, True, True, "done", True),
        (True, True, True, "done", False),
        (False, True, False, "cancelled", False),
        (True, False, True, "cancelled", False),
    ],
)
def test_a_load_goes_on_for_others_and_ends_where_nobody_waits(
    stays: bool, others: bool, loads: bool, ended: str, left: bool
) -> None:
    async def test() -> None:
        together, go_on, call = Together(stays=stays), asyncio.Event(), Call(loads=loads)
        how: list[str] = []

        async def work() -> None:
            try:
                await go_on.wait()
                how.append("done")
            except asyncio.CancelledError:
                how.append("cancelled")
                raise

        first = asyncio.create_task(together.run("a", work(), call))
        other = asyncio.create_task(together.run("a" if others else "b", asyncio.sleep(0), Call(loads=False)))
        waiting = asyncio.create_task(together.run("a" if others else "b", go_on.wait(), Call(loads=False)))
        await other
        first.cancel()
        await asyncio.sleep(0)
        # Twice, as cancel scopes do.
        first.cancel()
        await asyncio.sleep(0)
        assert first.done() is not (stays and others)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await first
        await waiting
        assert call.task is not None
        await asyncio.wait((call.task,))
        assert (how, call.left) == ([ended], left)
        assert not together._inside

    asyncio.run(test())


def test_what_the_work_raises_is_raised() -> None:
    async def fails() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(Together(stays=True).run("a", fails(), Call(loads=True)))
