"""Reminders of contribuições em aberto: previewed per person, recorded once, then sent by e-mail or opened in WhatsApp.

`services` records them, `sending` sends the recorded ones, `mail` knows the mail server and the folder of files.
"""
