"""A request that contradicts itself is refused before anything is rendered."""

from dataclasses import replace

import pytest

from lab.errors import BadConfig, LabError, UsageFault
from lab.targets.kubernetes.rendering.consistency import require_consistent
from lab.targets.kubernetes.rendering.request import RenderRequest
from tests.rendered.samples import SAMPLES

INSIDE, OUTSIDE = SAMPLES["k3s-inside"], SAMPLES["k3s"]


def refusal_of(request: RenderRequest) -> str:
    """Return why a request is refused; empty where it is not."""
    try:
        require_consistent(request)
    except LabError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("request_", SAMPLES.values(), ids=SAMPLES)
def test_a_request_that_fits_passes(request_: RenderRequest) -> None:
    """With servers inside the cluster, and outside."""
    assert refusal_of(request_) == ""


@pytest.mark.parametrize(
    ("request_", "step"),
    [
        (replace(OUTSIDE, redis_url=""), "export LAB_REDIS_URL=redis://host:port/0"),
        (replace(INSIDE, redis_url="redis://h/0"), "leave one of them out: unset LAB_REDIS_IMAGE"),
        (replace(INSIDE, remote_write_url="http://h"), "leave one of them out: unset LAB_PROMETHEUS_IMAGE"),
        (replace(OUTSIDE, remote_write_url="http://a:geheim@h"), "put the password into a file, and name the file"),
        (replace(OUTSIDE, settings={"LAB_X": "redis://:geheim@h"}), "put the password into a file, and name the file"),
    ],
    ids=["no store", "two stores", "two metrics servers", "password of an address", "password of a setting"],
)
def test_a_contradiction_is_refused_with_a_next_step(request_: RenderRequest, step: str) -> None:
    """A password is not repeated."""
    with pytest.raises(BadConfig) as refused:
        require_consistent(request_)
    assert refused.value.next_step == step
    assert "geheim" not in str(refused.value)


def test_every_part_is_there_once() -> None:
    """Parts that are missing and parts that are there twice are named together."""
    [first, *others] = [workload for workload in OUTSIDE.workloads if workload.name != "query-api"]
    with pytest.raises(UsageFault) as refused:
        require_consistent(replace(OUTSIDE, workloads=(first, first, *others)))
    assert refused.value.found == f"missing: query-api; duplicate: {first.deployment}"
