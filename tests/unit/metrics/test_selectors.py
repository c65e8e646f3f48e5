"""Plain selectors are written and read; any other expression is none."""

import pytest

from lab.metrics.selectors import Selector, parse_selector, selector


@pytest.mark.parametrize(
    ("promql", "parts"),
    [
        ("up", Selector("up", {})),
        (" up { } ", Selector("up", {})),
        ('a:b{x="1", y = "2",}', Selector("a:b", {"x": "1", "y": "2"})),
        (r'up{job="a \"b\" \\ c\n"}', Selector("up", {"job": 'a "b" \\ c\n'})),
    ],
)
def test_a_plain_selector_has_a_name_and_values_of_labels(promql: str, parts: Selector) -> None:
    """White space and escapes do not matter."""
    assert parse_selector(promql) == parts


@pytest.mark.parametrize(
    "promql",
    [
        "",
        "rate(up[5s])",
        "up[5s]",
        "up + 1",
        'up{job=~"a.*"}',
        'up{job!="a"}',
        '{job="a"}',
        'up{job="a" x="b"}',
        "up{job",
    ],
)
def test_any_other_expression_is_none(promql: str) -> None:
    """It takes Prometheus to evaluate it."""
    assert parse_selector(promql) is None


def test_what_is_written_is_read() -> None:
    """With every character that PromQL escapes."""
    labels = {"job": 'a "b" \\ c\nd', "instance": ""}
    assert parse_selector(selector("up", labels)) == Selector("up", labels)


def test_a_label_that_is_missing_is_empty() -> None:
    """As in Prometheus."""
    assert Selector("up", {"job": ""}).selects("up", {})
    assert not Selector("up", {"job": "a"}).selects("up", {})
    assert not Selector("up", {}).selects("down", {})
