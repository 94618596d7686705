"""Composing a subscription in a draft on the server: what was typed, checked and shown, wrong or not.

content.py is what a draft holds, reading.py takes it from a form, acts.py changes its shape, checking.py says what is
wrong with it, showing.py prepares it for the page, services.py stores it and saves the subscription.
"""
