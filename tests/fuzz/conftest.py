"""The fuzzer needs minutes, and an environment of its own: ``make fuzz`` runs it."""

from __future__ import annotations

import os

collect_ignore = [] if "FUZZ" in os.environ else ["test_openapi.py"]
