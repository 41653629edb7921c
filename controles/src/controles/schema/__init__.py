"""Every table of the application in one metadata, and the migrations that update a database to it.

May import the models of every subject.
"""
