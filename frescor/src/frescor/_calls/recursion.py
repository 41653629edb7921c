"""Python's recursion limit, and what a cached function that calls itself uses up of it."""

import platform
import sys
import threading

# What stands between a function's frame and that of the call of itself, as the limit counts it.
FRAMES_OF_A_LOAD = 2
# A level takes about 1 KiB of the thread's stack in C, which nothing but its size bounds.
MOST_GIVEN_BACK = 1000
_SMALLEST_STACK = 4 * 1024 * 1024
# What a call needs at the most beside its loader.
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
    """Raise the recursion limit by the frames that the cache uses, so that recursion goes as deep as without it; a
    negative number undoes that."""
    if _LARGE_STACKS and (threading.stack_size() == 0 or threading.stack_size() >= _SMALLEST_STACK):
        sys.setrecursionlimit(sys.getrecursionlimit() + frames)


def make_sure_of_room() -> None:
    """Raises RecursionError if there is not enough stack left to carry out a call."""
    _descend(_FRAMES_OF_A_CALL)


def _descend(frames: int) -> None:
    if frames:
        _descend(frames - 1)
