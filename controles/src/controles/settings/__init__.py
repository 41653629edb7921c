"""Every setting, what its text means, and the secrets and private files of an installation.

May import `domain` and `command_line`; no Flask and no database, since settings are read before either is there.
"""
