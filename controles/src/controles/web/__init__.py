"""What every page is built with: form fields, lists with their addresses, formatting, request checks, logs.

Subjects import it in their pages.
"""
