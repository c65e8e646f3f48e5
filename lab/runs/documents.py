"""Names the type of a JSON object that has been read from a file."""

from typing import Any

JsonObject = dict[str, Any]
"""The keys depend on what wrote the file; `lab.runs.facts` holds the facts that the lab relies on."""
