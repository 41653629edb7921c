"""The processes that answer requests: Gunicorn with its worker, and the commands that start it.

May import every subject. `controles.wsgi:app` is what Gunicorn loads.
"""
