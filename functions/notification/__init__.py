"""The notification function: mails and SMS, each sent once. It never answers."""
