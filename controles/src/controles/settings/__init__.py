"""All settings, how their text is parsed, and the secrets and private files of an installation.

May import `domain` and `command_line`; no Flask and no database, because settings are read before these exist.
"""
