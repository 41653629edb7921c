"""Whose data a reader may see: an argument of every cached query, and so a part of its key."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Escopo:
    """The whole organisation (`nucleo_id` None) or one núcleo."""

    nucleo_id: int | None = None
