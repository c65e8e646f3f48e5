"""Registries: unreachable, asked by the wrong scheme, locked, without the image."""

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Cure, Finding
from lab.diagnosis.rules.images.node_registries import note_on_existing_file, point_to_registry
from lab.diagnosis.rules.images.pulls import PLAIN_HTTP, Pull, failed_pulls, failed_workloads
from lab.model.image_references import digest_of, registry_of, short
from lab.snapshots.snapshot import Snapshot, not_ready

SHOWN_TAGS: Final = 5
PUBLIC: Final = re.compile(
    r"(?:.*\.)?(?:docker\.io|ghcr\.io|quay\.io|gcr\.io|k8s\.io|gitlab\.com|microsoft\.com|amazonaws\.com|public\.ecr\.aws"
    r"|azurecr\.io|pkg\.dev)"
)
"""Hosts that others operate: nobody here can log in to their machines."""
BUILDER: Final = re.compile(rf'"https://([^/"]+)/[^"]*": http: {PLAIN_HTTP}')


def builder_expects_https(snapshot: Snapshot) -> Iterator[Finding]:
    """The builder is not configured for a registry that speaks plain HTTP."""
    hosts = {match[1]: line for line in snapshot.probes.build_log if (match := BUILDER.search(line))}
    for host, line in hosts.items():
        setting = f'[registry."{host}"]\\n  http = true\\n'
        yield Finding(
            cause="builder-plain-http",
            object=f"Registry/{host}",
            title=f"the builder uses HTTPS, but {host} speaks plain HTTP",
            found=line.strip(),
            why="BuildKit uses HTTPS for every registry that its buildkitd.toml does not name",
            do=f"printf '{setting}' > buildkitd.toml && docker buildx rm -f lab; docker buildx create --name lab "
            "--driver docker-container --use --config buildkitd.toml && lab images build",
            stops=(f"push/{host}",),
        )


def node_expects_https(snapshot: Snapshot) -> Iterator[Finding]:
    """The runtime of a node is not configured for a registry that speaks plain HTTP."""
    failing: dict[tuple[str, str], list[Pull]] = {}
    for pull in failed_pulls(snapshot, "plain-http"):
        failing.setdefault((pull.pod.node, registry_of(pull.container.image)), []).append(pull)
    for (name, host), pulls in failing.items():
        node = snapshot.node(name)
        yield Finding(
            cause="registry-plain-http",
            object=f"Node/{name}",
            title=f"node {name} uses HTTPS, but {host} speaks plain HTTP",
            found=pulls[0].reason,
            why=f"containerd on {name} uses HTTPS for every registry that its own files do not name; "
            f"other nodes may have the file already{note_on_existing_file(node, host, 'http')}",
            do=point_to_registry(node, host, "http") if node else "lab registry config",
            stops=tuple(pull.pod.ref for pull in pulls),
            rests_on=(f"Node/{name}",),
        )


def registry_needs_login(snapshot: Snapshot) -> Iterator[Finding]:
    """The registry requires a login."""
    for pull in failed_workloads(snapshot, "login"):
        pod, image = pull.pod, pull.container.image
        host, account = registry_of(image), str(pod.spec.get("serviceAccountName") or "default")
        secrets = ", ".join(secret["name"] for secret in pod.spec.get("imagePullSecrets") or ()) or "none"
        create = remedies.kubectl(
            snapshot.namespace, "create", "secret", "generic", "registry-login", "--type=kubernetes.io/dockerconfigjson"
        )
        add = {"imagePullSecrets": [{"name": "registry-login"}]}
        steps = (
            f"docker login {host}",
            f'{create} --from-file=.dockerconfigjson="$HOME/.docker/config.json"',
            remedies.patch(snapshot.namespace, f"serviceaccount/{account}", add, kind="strategic"),
            remedies.restart(snapshot.namespace, pod.workload),
        )
        yield Finding(
            cause="registry-needs-login",
            object=pod.workload,
            title=f"{host} requires a login to pull {short(image)}",
            found=f"{pull.reason}; pull secrets of the pod: {secrets}",
            why="the registry refuses anonymous pulls, or the credentials of the pod",
            do=" && ".join(steps),
            stops=not_ready(snapshot, pod.workload),
            rests_on=not_ready(snapshot, pod.workload),
        )


def image_is_absent(snapshot: Snapshot) -> Iterator[Finding]:
    """The registry has no such image or tag, or the node asks another registry."""
    for pull in failed_workloads(snapshot, "absent"):
        pod, image = pull.pod, pull.container.image
        host = registry_of(image)
        probe = snapshot.probes.image(image)
        note = f"; the registry has the tags {', '.join(probe.tags[:SHOWN_TAGS])}" if probe and probe.tags else ""
        if snapshot.node(pod.node) and probe and probe.found:
            note = f"; the lab finds it at {host}"
        why, do = _cure_of_absence(snapshot, pull)
        yield Finding(
            cause="image-not-there",
            object=pod.workload,
            title=f"{pod.node} cannot find {short(image)} in {host}",
            found=pull.reason + note,
            why=why,
            do=do,
            stops=not_ready(snapshot, pod.workload),
            rests_on=(*not_ready(snapshot, pod.workload), f"push/{host}"),
        )


def registry_is_unreachable(snapshot: Snapshot) -> Iterator[Finding]:
    """The registry does not answer at its address."""
    failing: dict[str, list[Pull]] = {}
    for pull in failed_pulls(snapshot, "unreachable"):
        failing.setdefault(registry_of(pull.container.image), []).append(pull)
    probes = {probe.host: probe for probe in snapshot.probes.registries}
    for host in sorted(failing.keys() | {probe.host for probe in probes.values() if probe.reachable is False}):
        pulls, probe = failing.get(host, []), probes.get(host)
        nodes = sorted({pull.pod.node for pull in pulls})
        reached = probe is not None and probe.reachable is True
        errors = [*(pull.reason for pull in pulls[:1]), *([probe.error] if probe and probe.error else [])]
        why, do = _cure_of_silence(host, nodes, reached=reached)
        yield Finding(
            cause="registry-unreachable",
            object=f"Registry/{host}",
            title=f"registry {host} cannot be reached" + (f" from {', '.join(nodes)}" if nodes else ""),
            found="; ".join(errors) + ("; the lab itself reaches it" if reached else ""),
            why=why,
            do=do,
            stops=tuple(pull.pod.ref for pull in pulls),
            rests_on=tuple(f"Node/{name}" for name in nodes),
        )


def registry_is_not_asked(snapshot: Snapshot) -> Iterator[Finding]:
    """The settings of the registry cannot be used."""
    for probe in snapshot.probes.registries:
        if probe.reachable is None:
            yield Finding(
                cause="registry-not-asked",
                object=f"Registry/{probe.host}",
                title=f"the lab cannot ask {probe.host} which images it holds",
                found=probe.error,
                why="a setting of the lab cannot be used; the registry itself was not asked",
                do="lab config show",
            )


def _cure_of_absence(snapshot: Snapshot, pull: Pull) -> Cure:
    """Return why an image is not found, and the command that provides it or names another one."""
    pod, container = pull.pod, pull.container
    host, node = registry_of(container.image), snapshot.node(pod.node)
    probe = snapshot.probes.image(container.image)
    if node and probe and probe.found:
        registries = snapshot.probes.registries
        scheme = next((registry.scheme for registry in registries if registry.host == host), "") or "https"
        why = f"{pod.node} asks another registry: its own files name no address, or a different one, for {host}"
        return Cure(why + note_on_existing_file(node, host, scheme), point_to_registry(node, host, scheme))
    why = "it was never pushed, or was pushed under another name; a node only repeats the registry's answer"
    architecture = node.architecture if node else snapshot.architecture(pod)
    image = probe.image_for(architecture) if probe else ""
    if probe and image and not snapshot.is_wanted(pod.workload):
        why += f"; the nearest tag is {probe.nearest}, whose image for {architecture} is {short(image)}"
        return Cure(why, remedies.set_image(snapshot.namespace, pod.workload, container.name, image))
    pinned = digest_of(container.image)
    return Cure(why, remedies.resolve(snapshot.namespace) if pinned else remedies.build(snapshot.namespace))


def _cure_of_silence(host: str, nodes: Sequence[str], *, reached: bool) -> Cure:
    """Return why a registry does not answer, and the command that starts it, opens its port or asks once more."""
    name, _, port = host.rpartition(":")
    if not name or PUBLIC.fullmatch(name):
        why = "others operate it; a firewall, a proxy or a missing route blocks the way to it"
        server = "registry-1.docker.io" if host == "docker.io" else host
        ask = shlex.join(["curl", "-sSI", "--max-time", "10", f"https://{server}/v2/"])
        return Cure(why, remedies.on(nodes[0], ask) if nodes else ask)
    if reached:
        open_port = f"sudo ufw allow {port}/tcp || sudo iptables -I INPUT -p tcp --dport {port} -j ACCEPT"
        return Cure("a firewall or a missing route blocks the nodes' way to it", remedies.on(name, open_port))
    start = "sudo systemctl restart docker-registry || sudo docker start registry"
    return Cure("the registry does not run", remedies.on(name, start))
