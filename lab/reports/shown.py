"""A picture for a notebook, with its figures in words."""

from dataclasses import dataclass
from typing import Final

NOT_DRAWN: Final = "no picture, since drawing failed"


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture for a notebook, and a line of text with the same figures for a terminal; without a picture, the text.

    Attributes:
        svg: The picture; empty where there is nothing to draw, or where drawing failed.
        text: The line of text.
    """

    svg: str
    text: str

    def __repr__(self) -> str:
        """Return the line of text."""
        return self.text

    def _repr_html_(self) -> str | None:
        return f'<figure style="margin:0;background:#fff">{self.svg}</figure>' if self.svg else None
