"""Names to adapters: the only place where a backend is chosen."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import LabError, UsageFault
from lab.model import Trial
from lab.rpc.channels import connector
from lab.settings import LabSettings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lab.load.port import LoadGenerator
    from lab.metrics.dead_letters import DeadLetters
    from lab.metrics.port import LedgerSource, MetricSource
    from lab.model import Endpoints, Experiment
    from lab.reports.answer import Answer, Conclusion
    from lab.reports.table import Table
    from lab.runs.folder import RunFolder
    from lab.runs.store import RunStore
    from lab.snapshots.port import SnapshotSource
    from lab.targets.kubernetes.applying.preview import Intent
    from lab.targets.kubernetes.target import KubernetesTarget
    from lab.targets.port import Report, StackRequest, Target
    from lab.trials.experiment import Parts


def open_processes(settings: LabSettings) -> Target:
    """The embedded target."""
    from lab.targets.processes.target import ProcessTarget  # noqa: PLC0415 - heavy

    return ProcessTarget(settings)


def write_objects(settings: LabSettings, request: StackRequest, folder: Path) -> Sequence[Path]:
    """Write what a stack on a cluster would be made of, a file an object, Secrets left out; nothing is applied."""
    from lab.targets.kubernetes.rendering.render import write_rendered  # noqa: PLC0415 - heavy

    return write_rendered(open_kubernetes(settings).objects(request), folder)


def preview(settings: LabSettings, request: StackRequest, report: Report) -> Sequence[Intent]:
    """What bringing a stack up on a cluster would do to every object; nothing is applied."""
    return open_kubernetes(settings).preview(request, report)


def open_kubernetes(settings: LabSettings) -> KubernetesTarget:
    """A cluster of the user's, with the images that `images.lock` names; without, all but deploying works."""
    from lab.images.access import registry_access  # noqa: PLC0415 - heavy
    from lab.images.pull_secret import pull_secret  # noqa: PLC0415 - heavy
    from lab.targets.kubernetes.target import KubernetesTarget  # noqa: PLC0415 - heavy

    return KubernetesTarget(
        settings,
        _locked_images(settings.project),
        holds=lambda index, digest: _holds(index, digest, settings),
        heard=lambda endpoints: _heard(endpoints, settings),
        explain=_explain,
        pull_secret=pull_secret(registry_access(settings)) if settings.registry_user else "",
    )


def _locked_images(project: Path) -> Mapping[tuple[str, str], str]:
    """(service, architecture) → image; empty where none was built yet."""
    from lab.images.lock import FILE_NAME, read_lock  # noqa: PLC0415 - heavy

    if not (project / FILE_NAME).exists():
        return {}
    lock = read_lock(project / FILE_NAME)
    return {
        (service, architecture): lock.reference(service, architecture)
        for service in lock.images
        for architecture in lock.architectures(service)
    }


def snapshot_source(settings: LabSettings, target: KubernetesTarget | None = None) -> SnapshotSource:
    """What looks at a stack on a cluster and at everything it depends on."""
    from lab.probes.cluster_snapshot import ClusterLook  # noqa: PLC0415 - heavy
    from lab.probes.dependencies import ConfiguredOutside  # noqa: PLC0415 - heavy

    build_log = settings.state_dir / "images" / "build.log"
    return ClusterLook(target or open_kubernetes(settings), ConfiguredOutside(settings), build_log)


def _holds(index: str, digest: str, settings: LabSettings) -> bool:
    """Whether a reference names an index, and an image is in it, by the registry's word; seldom asked."""
    from lab.probes.registry import holds  # noqa: PLC0415 - heavy

    return holds(index, digest, settings)


def _heard(endpoints: Endpoints, settings: LabSettings) -> frozenset[tuple[str, str]]:
    """(metric, instance) of every promised metric that Prometheus has of a process."""
    from lab.metrics.prometheus import open_prometheus  # noqa: PLC0415 - heavy
    from services.contracts.signals import PROMISED  # noqa: PLC0415 - heavy

    source = open_prometheus(endpoints.prometheus_url, settings)
    names = [signal.prometheus_name for signal in PROMISED.values()]
    return frozenset((name, instance) for name in names for instance in source.newest(name))


def _explain(target: KubernetesTarget, error: LabError) -> LabError:
    from lab.trials.explain import explained  # noqa: PLC0415 - heavy

    return explained(error, snapshot_source(target.settings, target), target.folder)


def stop_local_stacks(settings: LabSettings) -> int:
    """Stop every stack of this user on this machine; how many there were."""
    from lab.targets.processes.target import ProcessTarget  # noqa: PLC0415 - heavy

    return ProcessTarget(settings).clean()


TARGETS: Mapping[str, Callable[[LabSettings], Target]] = {
    "processes": open_processes,
    "kubernetes": open_kubernetes,
}
"""Where services can run."""


def target(name: str, settings: LabSettings) -> Target:
    """The target of that name; UsageFault where there is none."""
    if name not in TARGETS:
        raise UsageFault(
            f'no target "{name}"', found=f"there are: {', '.join(TARGETS)}", next_step="-p target processes"
        )
    return TARGETS[name](settings)


def load_generator(endpoints: Endpoints) -> LoadGenerator:
    """The simulator of a stack."""
    from lab.load.simulator import SimulatorLoad  # noqa: PLC0415 - heavy

    inside = endpoints.ingest_for_simulator or endpoints.ingest
    return SimulatorLoad(
        endpoints.simulator,
        ingest_address=inside,
        connect=connector(endpoints.access),
        uploads=bool(endpoints.ingest_for_simulator),
    )


def metric_source(endpoints: Endpoints, settings: LabSettings | None = None) -> MetricSource:
    """The Prometheus of a stack, signed in to as the settings say (the environment's unless given)."""
    from lab.metrics.prometheus import open_prometheus  # noqa: PLC0415 - heavy

    return open_prometheus(endpoints.prometheus_url, settings or load_settings())


def ledger_source(endpoints: Endpoints) -> LedgerSource:
    """The query-api of a stack."""
    from lab.metrics.ledger import QueryLedger  # noqa: PLC0415 - heavy

    return QueryLedger(endpoints.query, connect=connector(endpoints.access))


def dead_letters(endpoints: Endpoints) -> DeadLetters:
    """The dead letters of a stack, through its worker."""
    from lab.metrics.dead_letters import DeadLetters  # noqa: PLC0415 - heavy

    return DeadLetters(endpoints.worker, connect=connector(endpoints.access))


def run_store(settings: LabSettings) -> RunStore:
    """Where this project's runs are kept."""
    from lab.runs.store import RunStore  # noqa: PLC0415 - heavy

    return RunStore(settings.runs_dir)


def parts(settings: LabSettings, target_name: str) -> Parts:
    """What an experiment on a target is made with."""
    from lab.faults.deployment import DeploymentFaults  # noqa: PLC0415 - heavy
    from lab.load.pauses import PauseProbe  # noqa: PLC0415 - heavy
    from lab.runs.environment import describe  # noqa: PLC0415 - heavy
    from lab.runs.spans import read_spans  # noqa: PLC0415 - heavy
    from lab.trials.experiment import Parts  # noqa: PLC0415 - heavy

    return Parts(
        target=target(target_name, settings),
        load=load_generator,
        metrics=lambda endpoints: metric_source(endpoints, settings),
        ledger=ledger_source,
        faults=DeploymentFaults,
        pauses=PauseProbe,
        environment=lambda deployment: describe(settings.project, deployment.store) | dict(deployment.facts()),
        spans=read_spans,
    )


def run(experiment: Experiment) -> Trial:
    """Carry out an experiment and keep its record, or read the recorded one where `LAB_REPLAY=1` is set.

    Returns:
        What was asked, what was observed, what it means; a notebook shows it as a card.

    Raises:
        LabError: It cannot be carried out; the record says so, too.
    """
    from lab.display.progress import listener_for_this_process  # noqa: PLC0415 - heavy
    from lab.faults.possible import refuse_impossible  # noqa: PLC0415 - heavy
    from lab.runs.adoption import adopt_output, defaults_here, parameters_here  # noqa: PLC0415 - heavy
    from lab.runs.record import RunRecord  # noqa: PLC0415 - heavy
    from lab.trials.experiment import Asked, run_experiment  # noqa: PLC0415 - heavy

    settings = load_settings()
    show_as_cards()
    if settings.replay:
        from lab.runs.recorded import recorded_for  # noqa: PLC0415 - heavy

        return recorded_for(settings.project, experiment)
    wired, asked = parts(settings, experiment.target), Asked(parameters_here(), defaults_here())
    refuse_impossible(experiment.faults, experiment.target)
    folder = _folder(experiment, settings, asked.parameters)
    adopt_output(folder.path)
    with RunRecord(folder, listener_for_this_process(settings), publish=_publish) as record:
        return run_experiment(experiment, wired, record, asked=asked)


def run_on_each_architecture(experiment: Experiment) -> tuple[Trial, ...]:
    """Carry out an experiment once on every architecture of its target, one after the other, each a run of its own.

    Simulator and query-api stay on the first of them, so that all are measured by the same; ingest-api and
    process-worker move. On this machine, which has one, it is carried out once.

    Raises:
        LabError: One of the runs cannot be carried out.
    """
    return tuple(run(one) for one in _on_each(experiment, load_settings()))


def _on_each(experiment: Experiment, settings: LabSettings) -> Sequence[Experiment]:
    if experiment.target != "kubernetes":
        return (experiment,)
    names = settings.architectures.split(",")
    return [replace(experiment, name=f"{experiment.name}-{name}", architecture=name) for name in names]


def breakdown(trial: Trial) -> Table:
    """What each architecture and node did of a trial, and at what cost."""
    from lab.reports import breakdown as breakdown_tables  # noqa: PLC0415 - heavy

    return breakdown_tables.table(trial)


def side_by_side(trials: Sequence[Trial]) -> Table:
    """Trials on one architecture each: every figure with its interval, and whether each keeps up."""
    from lab.reports import side_by_side as tables  # noqa: PLC0415 - heavy

    return tables.table(trials)


def answer(trial: Trial) -> Answer:
    """Validity, verdict, ledger in words that are the same for the same record."""
    from lab.reports import answer as words  # noqa: PLC0415 - heavy

    return words.answer(trial)


def conclusion(trial: Trial) -> Conclusion:
    """What follows from a trial, what does not, what to try next."""
    from lab.reports import answer as words  # noqa: PLC0415 - heavy

    return words.conclusion(trial)


def show_as_cards() -> None:
    """Let a notebook show every trial as its card, and as text in a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return
    from lab.reports import card  # noqa: PLC0415 - heavy

    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type(Trial, card.html)
    formatters["text/plain"].for_type(Trial, lambda trial, printer, _cycle: printer.text(card.text(trial)))


def _folder(experiment: Experiment, settings: LabSettings, parameters: Mapping[str, object]) -> RunFolder:
    """The folder that `lab run` made for this kernel, unless it has been used; else a new one."""
    from lab.runs.adoption import this_notebook  # noqa: PLC0415 - heavy

    store = run_store(settings)
    first = store.open(settings.run_id) if settings.run_id else None
    if first is not None and first.is_fresh:
        return first
    notebook = this_notebook()
    name = str(notebook.relative_to(settings.project)) if notebook and notebook.is_relative_to(settings.project) else ""
    folder = store.new(experiment.name, notebook=name, target=experiment.target, parameters=parameters)
    if first is not None:
        first.update(also=[*first.manifest().get("also", ()), folder.run_id])
    return folder


def _publish(trial: Trial) -> None:
    """Write what people look at into the folder of a run."""
    from lab.reports.report import write  # noqa: PLC0415 - heavy

    write(trial, Path(trial.folder))
