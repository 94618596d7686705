"""Set-up kits: what a customer's own cloud needs so that records arrive, as a script, templates, steps and policies.

A kit is made from a target's configuration alone, changes nothing and asks nobody; it may be made again at any time.
"""

from destinations.setup.kit import Instruction, Kit, KitError, Options, Part
from destinations.setup.making import kit_for

__all__ = ["Instruction", "Kit", "KitError", "Options", "Part", "kit_for"]
