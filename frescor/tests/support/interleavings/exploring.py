"""Ways through a world: every order of its steps, one order, or one that was seen before."""

from collections.abc import Callable, Sequence

from frescor._copies.local import Local
from frescor._store.memory import MemoryStore
from frescor._values.tags import declared_tag
from interleavings.confirming import Elapse
from interleavings.process import SimulatedProcess, simulated_local, ticking_store
from interleavings.reader import Reader
from interleavings.state import KEY
from interleavings.tasks import Delivery
from interleavings.world import LEASE, TAG, LostWakeUp, Task, World

ITEMS = (f"e:{KEY}", LEASE, f"t:{declared_tag(TAG)}", "clock")

MakeWorld = Callable[[], World]


def world_of(
    tasks: Sequence[Task],
    *,
    copies: Sequence[bool] = (),
    make_store: Callable[[], MemoryStore] = ticking_store,
    local: type[Local] = Local,
    process: type[SimulatedProcess] = SimulatedProcess,
    last: Callable[[], Task] | None = None,
) -> World:
    """A world of these tasks. `copies`: whether each process keeps some; without it, readers get a process each."""
    processes = [process(simulated_local(local) if keeps else None) for keeps in copies]
    for place, one in enumerate(processes):
        one.line = str(place)
    deliveries = [Delivery(f"p{number}", number) for number, keeps in enumerate(copies) if keeps]
    if not copies:
        for task in tasks:
            if isinstance(task, Reader):
                task.process = len(processes)
                processes.append(SimulatedProcess(None))
    return World([*tasks, *deliveries], processes, make_store(), last)


def explore(make_world: MakeWorld, *, most: int | None = None) -> int:
    """Run every order of the tasks' steps; how many different states there were. Raises Broken on the first fault.

    A last reader, who comes when all others are done, reads too. `most`: stop after so many states.
    """
    seen: set[int] = set()
    waiting = [make_world()]
    while waiting and (most is None or len(seen) < most):
        world = waiting.pop()
        state = hash(world.state())
        if state in seen:
            continue
        seen.add(state)
        ready = world.ready()
        if not ready:
            ready = _ended(world)
        for name in ready[:-1]:
            other = world.fork()
            other.step(name)
            waiting.append(other)
        if ready:
            # The last way on needs no other world.
            world.step(ready[-1])
            waiting.append(world)
    return len(seen)


def wander(world: World, choose: Callable[[Sequence[str]], str]) -> tuple[str, ...]:
    """Follow one order of steps to its end; the schedule. Raises Broken."""
    while True:
        ready = world.ready() or _ended(world)
        if not ready:
            return world.history
        world.step(choose(ready))


def replay(schedule: Sequence[str], make_world: MakeWorld) -> None:
    """Run one schedule again, as found in a Broken."""
    world = make_world()
    for name in schedule:
        if not world.ready():
            _ended(world)
        world.step(name)
    if not world.ready():
        _ended(world)


def _ended(world: World) -> list[str]:
    """Nobody can go on: leases that nobody holds end by themselves; else the last reader comes. Who can go on then."""
    for task in world.tasks.values():
        if isinstance(task, Reader) and world.processes[task.process].crashed:
            task.done = True
    left = [task.name for task in world.tasks.values() if not task.done and not isinstance(task, Delivery | Elapse)]
    lease = world.store._items.get(LEASE)
    if lease is not None and not any(lease.value == task.token for task in world.tasks.values() if not task.done):
        with world.changing():
            world.store.evict(LEASE)
    if not left:
        _read_at_the_end(world)
        return []
    ready = world.ready()
    if not ready:
        raise LostWakeUp(world.history, f"{', '.join(left)} wait for ever")
    return ready


def _read_at_the_end(world: World) -> None:
    last = Reader("last", process=len(world.processes)) if world.last is None else world.last()
    world.processes.append(SimulatedProcess(None))
    while not last.done:
        last.step(world)
    world.processes.pop()
