"""The target `kubernetes`: a stack on the user's cluster, one Deployment per service and architecture."""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Final

from lab.errors import Unavailable
from lab.model import Access, Fault
from lab.settings import LabSettings
from lab.snapshots.kubernetes import STACK_LABEL
from lab.snapshots.kubernetes.kinds import DEPLOYMENT
from lab.systems.services import SERVICES
from lab.targets.kubernetes.applying.namespace import check_namespace
from lab.targets.kubernetes.applying.preview import preview_all
from lab.targets.kubernetes.applying.removal import remove_all
from lab.targets.kubernetes.applying.termination import GONE_S, abbreviated, await_gone
from lab.targets.kubernetes.breaking.signalling import LONGEST_STOP_S
from lab.targets.kubernetes.client import kubeconfig
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.kubernetes.client.port import ClusterClient, OpenCluster
from lab.targets.kubernetes.credentials.credentials import CA, TOKEN
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.objects import KubeObject
from lab.targets.kubernetes.reaching.node_ports import node_addresses
from lab.targets.kubernetes.reaching.servers import servers_of
from lab.targets.kubernetes.rendering.files import write_rendered
from lab.targets.kubernetes.rendering.from_settings import STACK
from lab.targets.kubernetes.rendering.stack import RenderStack, render_stack
from lab.targets.kubernetes.rollout.gate import Gate
from lab.targets.logs import handing_over_files
from lab.targets.port import Declaration, Hindrance, Intent, Report, StackRequest, Watch, watch_nothing

FAULTS: Final = frozenset({"kill", "pause", "delete-pod", "scale"})


@dataclass(frozen=True, slots=True)
class KubernetesTarget:
    """Satisfies `lab.targets.port.Target` and `Previewing` on a cluster.

    Attributes:
        settings: Cluster, namespace, overlay, and where store and metrics server are.
        open_cluster: Opens the cluster that the settings name.
        render: Renders the objects of the stack.
        clock: Monotonic seconds.
    """

    settings: LabSettings
    open_cluster: OpenCluster = kubeconfig.open_cluster
    render: RenderStack = render_stack
    clock: Callable[[], float] = time.monotonic
    declaration: ClassVar[Declaration] = Declaration(
        name="kubernetes",
        place="kubernetes",
        unfit="a stack on this cluster would not work",
    )

    @property
    def options(self) -> str:
        """`--target kubernetes`, and the namespace where it is not the default."""
        namespace = self.settings.namespace
        is_default = namespace == LabSettings.model_fields["namespace"].default
        return "--target kubernetes" + ("" if is_default else f" --namespace {namespace}")

    def hindrance(self, fault: Fault) -> Hindrance | None:
        """Return why a fault is impossible: it is unknown, breaks a store that is not the lab's, or lasts too long."""
        if fault.kind not in FAULTS:
            return Hindrance("a stack on a cluster has no such fault", "-p target processes")
        if fault.service not in SERVICES:
            return Hindrance("the store of a cluster is not the lab's to break", "-p target processes")
        if fault.kind == "pause" and fault.seconds > LONGEST_STOP_S:
            why = f"{fault.seconds:g} s: its liveness probe would end it"
            return Hindrance(why, f"pause it for {LONGEST_STOP_S:g} s at most")
        return None

    def levels(self, factor: str) -> Sequence[str]:
        """Return the architectures that the settings name; no other factor has levels here."""
        return self.settings.architectures.split(",") if factor == "architecture" else ()

    @contextmanager
    def deployed(self, request: StackRequest, report: Report) -> Iterator[ClusterDeployment]:
        """Yield the stack that is up where it fits, else a new stack for the length of the context.

        Raises:
            BadConfig: The configuration cannot work; nothing was applied.
            Forbidden: The user may not deploy.
            Unavailable: Another stack is up in the namespace.
        """
        cluster = self.cluster()
        report("cluster", f"{cluster.where.server} as {cluster.where.user}, namespace {cluster.namespace}", 0.0)
        check_namespace(cluster, adopt=self.settings.adopt)
        wanted = self._rendered(request, self.folder, nodes=self._nodes(cluster))
        was_up = self._is_up(cluster)
        if was_up and not request.keep and (differences := self._differences(cluster, wanted)):
            raise Unavailable(
                "another stack is up in this namespace",
                found=f"the requested stack would have to {differences}",
                next_step=f"lab down --target kubernetes --namespace {cluster.namespace}",
            )
        deployment = self._deployment(cluster, report, request.watch)
        try:
            with handing_over_files(deployment.log_files, request.keep_logs):
                deployment.prepare(wanted, force=self.settings.force)
                yield deployment
        finally:
            deployment.close()
            if not request.keep and not was_up:
                _, left = self._remove(cluster, report)
                if left:
                    report("terminating", f"{abbreviated(left)} not gone in time", 0.0)

    def current(self) -> ClusterDeployment | None:
        """Return the stack that is up, or None."""
        cluster = self.cluster()
        return self._deployment(cluster, lambda *_: None) if self._is_up(cluster) else None

    def down(self, report: Report, /) -> bool:
        """Remove the objects that this lab applied, and wait until they are gone; return False when there was none.

        Raises:
            Unavailable: Some objects stay.
        """
        cluster = self.cluster()
        was_there, left = self._remove(cluster, report)
        if left:
            raise Unavailable(
                "the stack is removed, but some objects stay",
                found=f"{abbreviated(left)} in namespace {cluster.namespace}, after {GONE_S:g} s",
                next_step=f"lab diagnose --namespace {cluster.namespace}",
                code="E_LEAVING",
            )
        return was_there

    def _remove(self, cluster: ClusterClient, report: Report) -> tuple[bool, Sequence[str]]:
        """Remove the stack; return whether there was any object, and the objects that stay."""
        removal = remove_all(cluster, STACK)
        if removal.foreign:
            kept_by = abbreviated(removal.foreign)
            report("namespace", f"{cluster.namespace} stays: {kept_by} in it did not come from the lab", 0.0)
        left = await_gone(cluster, STACK, report, clock=self.clock) if removal.removed else ()
        return bool(removal.removed), left

    def preview(self, request: StackRequest, report: Report) -> Sequence[Intent]:
        """Return what `deployed` would do to every object; change nothing.

        Raises:
            BadConfig: The configuration cannot work.
            Forbidden: The user may not deploy.
        """
        cluster = self.cluster()
        report("cluster", f"{cluster.where.server} as {cluster.where.user}, namespace {cluster.namespace}", 0.0)
        check_namespace(cluster, adopt=self.settings.adopt)
        with TemporaryDirectory(prefix="lab-preview-") as name:
            # Rendering makes or renews credentials; here it does so in a copy of the folder, which is removed.
            copy = Path(name) / self.folder.name
            if self.folder.is_dir():
                shutil.copytree(self.folder, copy)
            wanted = self._rendered(request, copy, nodes=self._nodes(cluster))
            return preview_all(cluster, wanted, stack=STACK, force=self.settings.force)

    def write_objects(self, request: StackRequest, folder: Path) -> Sequence[Path]:
        """Write the objects of a stack, one file each, Secrets left out; apply nothing.

        Raises:
            BadConfig: The stack would not run.
            Exists: The folder is not empty.
        """
        return write_rendered(self.objects(request), folder)

    def objects(self, request: StackRequest) -> Sequence[KubeObject]:
        """Return every object to apply, in order; make credentials where there are none yet. Asks no cluster.

        Raises:
            BadConfig: The stack would not run.
        """
        return self._rendered(request, self.folder, nodes=())

    def cluster(self) -> ClusterClient:
        """Return the cluster that the settings name, in the namespace of the stack.

        Raises:
            BadConfig: The kubeconfig cannot be read, or has no such context.
            Forbidden: The cluster does not know this user.
            Unavailable: No API server answers there.
        """
        settings = self.settings
        return self.open_cluster(settings.kubeconfig, context=settings.context, namespace=settings.namespace)

    @property
    def folder(self) -> Path:
        """Folder of this stack's credentials: one folder for a namespace of a cluster, whatever the context."""
        settings = self.settings
        server = kubeconfig.server_of(settings.kubeconfig, context=settings.context)
        key = hashlib.sha256(server.encode()).hexdigest()[:8]
        return settings.state_dir / "clusters" / f"{key}-{settings.namespace}"

    def _rendered(self, request: StackRequest, credentials: Path, *, nodes: Sequence[str]) -> Sequence[KubeObject]:
        return self.render(self.settings, request, credentials=credentials, nodes=nodes)

    def _nodes(self, cluster: ClusterClient) -> Sequence[str]:
        """Return the addresses of nodes that callers outside the cluster use."""
        return node_addresses(cluster) if self.settings.node_ports else ()

    def _deployment(self, cluster: ClusterClient, report: Report, watch: Watch = watch_nothing) -> ClusterDeployment:
        kubectl = Kubectl(cluster.namespace, cluster.where.context, self.settings.kubeconfig)
        servers = servers_of(self.settings, Access(self.folder / CA, self.folder / TOKEN))
        gate = Gate(cluster, f"{STACK_LABEL}={STACK}", report, watch=watch, clock=self.clock)
        return ClusterDeployment(cluster, gate, kubectl, servers=servers, folder=self.folder)

    def _is_up(self, cluster: ClusterClient) -> bool:
        return bool(cluster.list(DEPLOYMENT, selector=f"{STACK_LABEL}={STACK}"))

    def _differences(self, cluster: ClusterClient, wanted: Sequence[KubeObject]) -> str:
        """Return the changes that the API server previews; empty for no change. Secrets cannot be compared."""
        intents = preview_all(cluster, wanted, stack=STACK, force=self.settings.force)
        changes = [intent for intent in intents if intent.change not in {"unchanged", "write"}]
        return abbreviated([f"{intent.change} {intent.kind} {intent.name}" for intent in changes])
