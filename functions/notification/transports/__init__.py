"""Ways to deliver a mail or a text message."""
