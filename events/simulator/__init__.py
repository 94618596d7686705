"""Made-up traffic that looks real: whole visits of many clients to many hosts, and some audit events."""

from events.simulator.generating import generate

__all__ = ["generate"]
