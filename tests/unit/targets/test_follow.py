"""Logs are followed without a line missing or told twice."""

from itertools import islice
from pathlib import Path

from lab.targets.follow import followed_files, followed_pods


def test_a_file_is_followed_line_by_line(tmp_path: Path) -> None:
    """From its last lines on; a line is told when it is whole."""
    log, rest = tmp_path / "a.log", iter(["thr", "ee\nfour\n"])
    log.write_text("one\ntwo\n")

    def write(_seconds: float) -> None:
        with log.open("a") as file:
            file.write(next(rest))

    assert list(islice(followed_files([log], 1, pause=write), 3)) == ["two", "three", "four"]


def test_several_pods_are_followed_by_name() -> None:
    """What the API gives once more, because it takes whole seconds, is told once."""
    printed = {"a": ["1 one", "2 two"], "b": ["2 zwei"]}
    asked: list[tuple[str, str, int]] = []

    def read(pod: str, since: str, lines: int) -> str:
        asked.append((pod, since, lines))
        return "\n".join(printed[pod][-lines:])

    lines = followed_pods(read, ["a", "b"], 1, pause=lambda _: printed["a"].append("3 three"))
    assert list(islice(lines, 3)) == ["a  two", "b  zwei", "a  three"]
    assert asked[:3] == [("a", "", 1), ("b", "", 1), ("a", "2", 20_000)]
