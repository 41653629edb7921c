"""The way of every service to the database and to the cache: one transaction, one cache, one page of policies.

May import `db`, `settings` and `domain`; no subject.
"""
