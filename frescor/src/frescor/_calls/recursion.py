"""Python's recursion limit, and how much of it a recursive cached function uses."""

import platform
import sys
import threading

# The frames, as the limit counts them, between a function and its recursive call.
FRAMES_OF_A_LOAD = 2
# One level takes about 1 KiB of the thread's C stack, which only the stack's size limits.
MOST_GIVEN_BACK = 1000
_SMALLEST_STACK = 4 * 1024 * 1024
# The most frames that a call needs, apart from its loader.
_FRAMES_OF_A_CALL = 60


def _has_large_stacks() -> bool:
    """Whether threads have stacks of several megabytes: with glibc that is the process's limit, unless it was
    changed."""
    if platform.libc_ver()[0] != "glibc":
        return False
    import resource  # not on every system

    size, _ = resource.getrlimit(resource.RLIMIT_STACK)
    return size == resource.RLIM_INFINITY or size >= _SMALLEST_STACK


_LARGE_STACKS = _has_large_stacks()


def give_back(frames: int) -> None:
    """Raise the recursion limit by the frames that the cache uses, so that recursion can go as deep as without it. A
    negative number undoes that."""
    if _LARGE_STACKS and (threading.stack_size() == 0 or threading.stack_size() >= _SMALLEST_STACK):
        sys.setrecursionlimit(sys.getrecursionlimit() + frames)


def make_sure_of_room() -> None:
    """Raise RecursionError if there is not enough stack left to carry out a call."""
    _descend(_FRAMES_OF_A_CALL)


def _descend(frames: int) -> None:
    if frames:
        _descend(frames - 1)
