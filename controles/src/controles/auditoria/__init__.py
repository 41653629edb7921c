"""The audit: who changed what, in a chain that reveals tampering; and refusals that must not give their reason.

Every service records here, in its own transaction (`audit.record`). May import `db`, `services` and models of subjects.
"""
