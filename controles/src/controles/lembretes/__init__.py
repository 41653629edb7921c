"""Reminders of contribuições em aberto: previewed per person, recorded once, then sent by e-mail or opened in WhatsApp.

`services` records, `sending` takes what is recorded to the mail server, `mail` knows the server and the file outbox.
"""
