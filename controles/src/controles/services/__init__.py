"""What every service uses: the transaction, the cache, and its policies.

May import `db`, `settings` and `domain`; no subject.
"""
