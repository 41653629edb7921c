"""What goes through an account by hand: expenses, other receipts, transfers and repasses, with their receipt files.

`ledger` puts them together with the lines of statements and with payments in cash: every movement of every account,
each once.
"""
