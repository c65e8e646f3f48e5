"""A picture for a notebook, with its figures in words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for a notebook; its line of text for a terminal, and where there is no picture.

    Attributes:
        svg: The picture; empty where there is nothing to draw, or where drawing failed.
        text: The same figures in a line, or why there is no picture.
        failed: Whether drawing failed.
    """

    svg: str
    text: str
    failed: bool = False

    def __repr__(self) -> str:
        """Return the line of text."""
        return self.text

    def _repr_html_(self) -> str | None:
        return f'<figure style="margin:0;background:#fff">{self.svg}</figure>' if self.svg else None
