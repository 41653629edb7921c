"""A request's way through an application: decided as soon as it is known whether the response may be stored."""

import asyncio
from typing import Any

import pytest

from frescor.asgi.exchange import Exchange

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]}


def run(
    *messages: dict[str, Any], reason: str = "", fails: bool = False, largest: int = 10
) -> tuple[Exchange, list[Any]]:
    """What comes of an application that sends these messages, and what its client got when that was decided."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del scope
        assert (await receive())["body"] == b""
        for message in messages:
            await send(message)

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("a request without a body is not asked for one")

    async def test() -> Exchange:
        exchange = Exchange(app, {"path": "/"}, (receive, send), lambda *_: reason, largest, fails=fails)
        await exchange.run()
        await exchange.finish()
        return exchange

    return asyncio.run(test()), sent


def body(text: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text, "more_body": more}


@pytest.mark.parametrize("parts", [[body(b"text")], [body(b"te", more=True), body(b"xt", more=True), body(b"")]])
def test_a_whole_response_is_held_and_nothing_is_sent(parts: list[dict[str, Any]]) -> None:
    exchange, sent = run(START, *parts)
    assert (exchange.passes, exchange.status, exchange.body, sent) == (False, 200, b"text", [])


@pytest.mark.parametrize(
    ("messages", "options", "says"),
    [
        ([START, body(b"text")], {"reason": "it says so"}, "it says so"),
        ([START | {"headers": []}, body(b"t", more=True), body(b"ext")], {}, "its response is streamed"),
        ([START, body(b"text"), body(b"")], {"largest": 3}, "larger than largest_value, 3 bytes"),
        ([START | {"trailers": True}, body(b"text")], {}, "trailers"),
        ([START, {"type": "http.response.pathsend", "path": "/file"}], {}, "http.response.pathsend"),
    ],
)
def test_what_may_not_be_stored_is_sent_as_it_was(messages: list[Any], options: dict[str, Any], says: str) -> None:
    exchange, sent = run(*messages, **options)
    assert exchange.passes
    assert says in exchange.reason
    assert sent == messages


def test_an_error_that_is_a_failure_is_held_until_it_is_let_go() -> None:
    messages = [START | {"status": 503}, body(b"text")]
    exchange, sent = run(*messages, fails=True)
    assert (exchange.failed, exchange.passes, sent) == (True, False, [])
    asyncio.run(exchange.let_go())
    assert sent == messages


@pytest.mark.parametrize("messages", [[], [START], [START, body(b"te", more=True)]])
def test_an_application_that_ends_without_a_response_is_an_error(messages: list[Any]) -> None:
    with pytest.raises(RuntimeError, match="ended without a whole response to '/'"):
        run(*messages)


def test_one_that_is_given_up_ends_its_application() -> None:
    async def test() -> None:
        ended = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            del scope, receive, send
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        exchange = Exchange(app, {"path": "/"}, None, lambda *_: "", 10)
        task = asyncio.create_task(exchange.run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task, exchange.task))
        assert ended.is_set()

    asyncio.run(test())
