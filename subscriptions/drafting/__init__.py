"""Composing a subscription in a draft on the server: what was typed, checked and shown, wrong or not.

content.py is what a draft holds, form.py takes it from the page's form, acts.py changes its shape, presets.py knows the
ready choices of fields, checking.py says what is wrong with it, showing.py prepares it for the page, trying.py starts a
backtest of what is right already, services.py stores it and saves the subscription.
"""
