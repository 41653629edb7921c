"""The processes that answer requests: Gunicorn with its worker, and the commands that start it.

May import every subject. Gunicorn loads `controles.wsgi:app`.
"""
