"""Imports militantes from a spreadsheet: it is read, checked, compared with the database, and only then written."""
