"""What the API server refuses, in its variants."""

import pytest

from lab.snapshots.gaps import Denial
from tests.unit.diagnosis.builders import NAMESPACE, healthy, refused, with_probes
from tests.unit.diagnosis.cases import POD
from tests.unit.diagnosis.findings import only


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "failed quota: small: must specify limits.memory for: x; requests.cpu for: x",
            ["--limits=memory=256Mi", "cpu=100m"],
        ),
        ("exceeded quota: small, requested: pods=1, used: pods=6, limited: pods=6", ['"pods":"7"']),
        ("minimum memory usage per Container is 256Mi, but request is 128Mi", ["--requests=memory=256Mi", "--limits"]),
        ("maximum cpu usage per Container is 1.  No limit is specified", ["--limits=cpu=1"]),
        ('violates PodSecurity "baseline:latest": privileged (container "x" must not set …)', ['"privileged":false']),
    ],
)
def test_every_form_of_a_refusal_has_its_own_cure(message: str, words: list[str]) -> None:
    """The words of the message decide."""
    finding = only(refused(healthy(), POD + message))
    assert all(word in finding.do for word in words), finding.do


def test_a_missing_right_on_one_object_is_not_given_on_all_of_its_kind() -> None:
    """The step applies the lab's own Role, whose rules name their objects. A name is quoted."""
    denial = Denial("patch", "secrets", NAMESPACE, user="jane; id")
    finding = only(with_probes(healthy(), denials=(denial,)))
    assert finding.do == f"lab rbac print --no-faults --namespace {NAMESPACE} --user 'jane; id' | kubectl apply -f -"
