"""Movements of accounts that are entered by hand: expenses, other receipts, transfers and repasses, with their files.

`ledger` combines them with the lines of statements and with payments in cash: every movement of every account, each
once.
"""
