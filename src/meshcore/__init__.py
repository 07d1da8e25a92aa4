"""The mesh: agents that heal each other's errors, without a user interface."""

__version__ = "0.1.0"
