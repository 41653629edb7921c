"""Militantes from a spreadsheet: read, checked, compared with the database, and only then written."""
