"""Says in one line why a document does not have the form that it should have."""

from pydantic import ValidationError


def first_mistake(error: ValidationError) -> str:
    """Return the first mistake of a document with its place, `images.simulator.amd64: String should …`."""
    mistake = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in mistake["loc"])
    return f"{place}: {mistake['msg']}".removeprefix(": ")
