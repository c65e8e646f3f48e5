"""Logs are followed; no line is missing or repeated."""

from itertools import islice
from pathlib import Path

from lab.targets.follow import followed_files, followed_pods


def test_a_file_is_followed_line_by_line(tmp_path: Path) -> None:
    """It starts with the last lines. A line is yielded when it is complete."""
    log, rest = tmp_path / "a.log", iter(["thr", "ee\nfour\n"])
    log.write_text("one\ntwo\n")

    def write(_seconds: float) -> None:
        with log.open("a") as file:
            file.write(next(rest))

    assert list(islice(followed_files([log], 1, pause=write), 3)) == ["two", "three", "four"]


def test_several_pods_are_followed_by_name() -> None:
    """Lines that the API returns again, because it takes whole seconds, are yielded once."""
    printed = {"a": ["1 one", "2 two"], "b": ["2 zwei"]}
    requests: list[tuple[str, str, int]] = []

    def read(pod: str, since: str, lines: int) -> str:
        requests.append((pod, since, lines))
        return "\n".join(printed[pod][-lines:])

    lines = followed_pods(read, ["a", "b"], 1, pause=lambda _: printed["a"].append("3 three"))
    assert list(islice(lines, 3)) == ["a  two", "b  zwei", "a  three"]
    assert requests[:3] == [("a", "", 1), ("b", "", 1), ("a", "2", 20_000)]
