"""One request on its way through an application, in a task of its own."""

import asyncio
from collections.abc import Callable

from frescor._http.storing import Headers
from frescor.asgi.scope import App, Message, Receive, Scope, Send, pairs_of


class Exchange:
    """Runs an application until it is known whether its response may be stored.

    If it may, the result is the whole response, and nothing has been sent. If not (`passes`), everything that the
    application sends goes directly to the client, and the caller only has to wait for its end.

    States: undecided (what it sends is held) → whole (decided by the last part of the body) or passing (decided by the
    first part that may not be stored). If a client leaves while it is undecided, the application is not told, because
    others may be waiting for the response. If errors of the server count as failures, what it sends is held (`failed`)
    until it is released, or for good.
    """

    def __init__(
        self,
        app: App,
        scope: Scope,
        client: tuple[Receive, Send] | None,
        why_not: Callable[[int, Headers], str],
        largest: int,
        *,
        fails: bool = False,
    ) -> None:
        """client: None if nobody waits for what is sent. why_not: why a response may not be stored, or ''. largest: the
        most bytes of a body that is stored. fails: a status of 500 or more is a failure."""
        self._app, self._scope, self._client = app, scope, client
        self._why_not, self._largest, self._fails = why_not, largest, fails
        self.failed = False
        self._held: list[Message] = []
        self._body: list[bytes] = []
        self._size = 0
        self._has_asked = False
        self._decided: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.status, self.headers, self.passes, self.reason = 0, Headers(), False, ""

    @property
    def body(self) -> bytes:
        """The body of a whole response."""
        return b"".join(self._body)

    async def run(self) -> None:
        """Run the application until it is decided. Raises what it raises before that; cancelled together with its
        caller."""
        self.task = asyncio.ensure_future(self._app(self._scope, self._receive, self._send))
        try:
            await asyncio.wait((self.task, self._decided), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.abandon()
            raise
        if not self._decided.done():
            self.task.result()
            raise RuntimeError(f"the application ended without a whole response to {self._scope['path']!r}")

    async def let_go(self) -> None:
        """Send what was held of a failure, and everything that follows."""
        self.passes = True
        held, self._held = self._held, []
        for message in held:
            await self._to_client(message)

    async def finish(self) -> None:
        """Wait for the application's end: what it still sends, and its work in the background."""
        await self.task

    def abandon(self) -> None:
        """Nobody waits for it any more."""
        self._client = None
        self.task.cancel()

    def leave(self) -> None:
        """The client has left; others are waiting for the response."""
        self._client = None

    async def _receive(self) -> Message:
        if not self._has_asked:
            self._has_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.shield(self._decided)
        if self._client is None:
            # Nobody will ever say anything more; it is cancelled when the application ends.
            await asyncio.get_running_loop().create_future()
        assert self._client is not None
        return await self._client[0]()

    async def _send(self, message: Message) -> None:
        if self.passes:
            await self._to_client(message)
        elif self.failed:
            self._held.append(message)
        elif not self._decided.done():
            self._held.append(message)
            if self._fails and message["type"] == "http.response.start" and message["status"] >= 500:
                self.failed = True
                self._decided.set_result(None)
                return
            reason = self._hold(message)
            if reason:
                await self._pass(reason)

    def _hold(self, message: Message) -> str:
        """Process a part of the response. Returns the reason why it may not be stored, or ''."""
        kind = message["type"]
        if kind == "http.response.start":
            self.status, self.headers = message["status"], pairs_of(message.get("headers", ()))
            return "it sends trailers" if message.get("trailers") else self._why_not(self.status, self.headers)
        if kind != "http.response.body":
            return f"it sends {kind}, which is no part of a response that could be stored"
        part = message.get("body", b"")
        self._body.append(part)
        self._size += len(part)
        if self._size > self._largest:
            return f"it is larger than largest_value, {self._largest:,} bytes"
        if not message.get("more_body", False):
            # What is read from the request after the response began counts, too.
            reason = self._why_not(self.status, self.headers)
            if not reason:
                self._decided.set_result(None)
            return reason
        # A middleware that passes on a complete response in parts keeps its content-length.
        if not any(name.lower() == "content-length" for name, _ in self.headers):
            return "its response is streamed: send the whole body to have it cached"
        return ""

    async def _pass(self, reason: str) -> None:
        self.reason, self.passes = reason, True
        # Decided before it is sent, because others wait for that, and sending takes as long as the client needs.
        self._decided.set_result(None)
        await self.let_go()

    async def _to_client(self, message: Message) -> None:
        if self._client is not None:
            await self._client[1](message)
