"""Whose data a reader may see. Part of every cached query's arguments, and so of its key."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Escopo:
    """The whole organisation (`nucleo_id` None) or one núcleo."""

    nucleo_id: int | None = None
