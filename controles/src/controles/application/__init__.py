"""What `create_app` puts around the pages of all subjects: errors, health, the session cookie, what templates may ask.

May import every room below; only the package itself imports it.
"""
