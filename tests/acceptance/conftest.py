"""A mesh of real processes for the tests of whole stories."""

from __future__ import annotations
