"""The whole pipeline on one run."""

from lab.analysis.judge import judge
from lab.model import Objective
from tests.unit.analysis.builders import evidence, experiment


def test_a_good_run_is_judged_in_four_answers() -> None:
    """Validity, verdict, ledger, comparison."""
    validity, verdict, ledger, comparison = judge(
        experiment(Objective("latency", 50.0), Objective("lost", 0), Objective("double-counted", 0)), evidence()
    )
    assert (validity.status, verdict.status) == ("VALID", "MET")
    assert (ledger.intended, ledger.counted, ledger.lost, ledger.double_counted, ledger.residual) == (
        2_000,
        2_000,
        0,
        0,
        0,
    )
    assert (comparison.prometheus_counted, comparison.attributions) == (2_000, ())


def test_the_same_evidence_gives_the_same_judgement() -> None:
    """A replay gives the answers of the run."""
    both = experiment(Objective("latency", 50.0), Objective("throughput", 50.0))
    assert judge(both, evidence()) == judge(both, evidence())


def test_one_missed_objective_decides() -> None:
    """All of them must hold."""
    assert judge(experiment(Objective("latency", 1.0), Objective("lost", 0)), evidence()).verdict.status == "NOT_MET"
