"""What displays write to: a terminal, and the output of a cell."""

import io


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """See `io.IOBase.isatty`."""
        return True


class Handle:
    """An output of a cell, as IPython has it; remembers its texts."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def update(self, obj: object, **options: object) -> None:
        """See `lab.display.notebook.Handle`."""
        assert isinstance(obj, dict)
        assert options == {"raw": True}
        self.texts.append(obj["text/plain"])
