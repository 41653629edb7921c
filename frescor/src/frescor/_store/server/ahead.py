"""An invalidation that is made ready before it may be sent, and whose answer is received after its sender has gone on.

So that a commit of a database encodes it while the database commits, sends it the moment that this is done, and does
what else it has to do while the server works: half of what an invalidation costs a caller is the way there and back.
"""

from typing import TYPE_CHECKING, Any

from frescor._protocol.commands import Invalidate
from frescor._store.connection.connection import Sent, pack
from frescor.errors import CacheError

if TYPE_CHECKING:
    from frescor._store.server.redis import RedisStore


class Ahead:
    """One invalidation: `prepare`, `send`, `answer`, each once and in this order; the first two may be left out.

    Ends with `answer` or `give_up`: what was sent holds a connection.
    """

    __slots__ = ("_arguments", "_command", "_failure", "_packed", "_script", "_sent", "_store")

    def __init__(self, store: "RedisStore", command: Invalidate) -> None:
        self._store = store
        self._command = command
        self._packed: bytes | None = None
        self._sent: Sent | None = None
        self._failure: CacheError | None = None

    def keep(self) -> None:
        """An outbox keeps it as well, if it comes to be sent."""
        self._command = Invalidate(self._command.tags, durable=True)

    def prepare(self) -> None:
        """Make its bytes; no I/O."""
        self._script, self._arguments = self._store.wire.encode(self._command)
        self._packed = pack(self._script, self._arguments)

    def send(self) -> None:
        """Send it. Raises nothing: what fails here is raised by `answer`."""
        store = self._store
        if self._sent is not None or store.breaker.reason is not None or store.trust.preface((self._command,)):
            # Sent already; or `answer` does it, in the way of all commands.
            return
        if self._packed is None:
            self.prepare()
        assert self._packed is not None
        try:
            self._sent = store.connections.send(self._packed, 1, store.check)
        except Exception as error:  # noqa: BLE001  # whatever answers, a caller gets no error but these
            self._failure = error if isinstance(error, CacheError) else store.failed(error, _OPERATION)

    def answer(self) -> Any:
        """What the store's `perform` gives for the command. Raises the same."""
        if self._failure is not None:
            raise self._failure
        sent, self._sent = self._sent, None
        if sent is None:
            return self._store.perform(self._command)
        return self._store.received(sent, self._script, self._arguments, self._command)

    def give_up(self) -> None:
        """Wait for no answer."""
        sent, self._sent = self._sent, None
        if sent is not None:
            sent.give_up()


_OPERATION = Invalidate.__name__
