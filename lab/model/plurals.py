"""Numbers with their nouns, as people read them."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "run"), counted(2_000, "run")
    ('1 run', '2,000 runs')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def was(number: int) -> str:
    """Return the verb of the past that goes with a number.

    >>> was(1), was(0), was(2)
    ('was', 'were', 'were')
    """
    return "was" if number == 1 else "were"
