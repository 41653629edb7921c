"""What `create_app` adds to the pages of all subjects: errors, health checks, the session cookie, helpers for
templates.

May import every folder below it; only the package itself imports it.
"""
