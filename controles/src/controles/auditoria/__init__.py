"""The audit: what was changed by whom, in a chain that shows if somebody rewrites it, and refusals that must not tell.

Every service records here, in its own transaction (`audit.record`). May import `db`, `services` and models of subjects.
"""
