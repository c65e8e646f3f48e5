"""Images that cannot be had: registry, login, tag."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.snapshots.kubernetes import Container, Node, Pod, digest_of, registry_of, short_image
from lab.snapshots.snapshot import Snapshot, not_ready

WAITING: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
PLAIN_HTTP: Final = "server gave HTTP response to HTTPS client"
KINDS: Final[Mapping[str, re.Pattern[str]]] = {
    "plain-http": re.compile(PLAIN_HTTP),
    "login": re.compile(r"(?i)401 Unauthorized|403 Forbidden|pull access denied|authorization failed|no basic auth"),
    "platform": re.compile(r"no match for platform"),
    "absent": re.compile(r"(?i): not found|code = NotFound|manifest unknown|name unknown"),
    "unreachable": re.compile(
        r"connection refused|no such host|i/o timeout|no route to host|network is unreachable"
        r"|deadline exceeded|connection reset|TLS handshake timeout"
    ),
}
"""What a failed pull says, by cause; the first that fits counts."""
WRAPPING: Final = re.compile(r'^.*(?:image|reference) "[^"]+": ')
PUBLIC: Final = re.compile(
    r"(?:.*\.)?(?:docker\.io|ghcr\.io|quay\.io|gcr\.io|k8s\.io|gitlab\.com|microsoft\.com|amazonaws\.com|public\.ecr\.aws"
    r"|azurecr\.io|pkg\.dev)"
)
"""Hosts that others run: nobody signs in to their machines."""
BUILDER: Final = re.compile(rf'"https://([^/"]+)/[^"]*": http: {PLAIN_HTTP}')


class Pull(NamedTuple):
    """A container whose image cannot be pulled, and what was said."""

    pod: Pod
    container: Container
    said: str


def pulls(snapshot: Snapshot, kind: str) -> Iterator[Pull]:
    """Pulls that fail for one kind of reason."""
    for pod in snapshot.pods:
        for container in pod.containers:
            if container.waiting.reason in WAITING:
                events = [event.message for event in snapshot.events(pod.ref, "Failed")]
                said = "\n".join([container.waiting.message, *(one for one in events if container.image in one)])
                if next((name for name, pattern in KINDS.items() if pattern.search(said)), "") == kind:
                    yield Pull(pod, container, _sentence(said, KINDS[kind]))


def builder_expects_https(snapshot: Snapshot) -> Iterator[Finding]:
    """The builder was not told that the registry speaks plain HTTP."""
    hosts = {found[1]: line for line in snapshot.probes.build_log if (found := BUILDER.search(line))}
    for host, line in hosts.items():
        setting = f'[registry."{host}"]\\n  http = true\\n'
        yield Finding(
            "builder-plain-http",
            f"Registry/{host}",
            f"the builder asks {host} by HTTPS, which speaks plain HTTP",
            found=line.strip(),
            why="BuildKit speaks HTTPS to every registry that its buildkitd.toml does not name",
            do=f"printf '{setting}' > buildkitd.toml && docker buildx rm -f lab; docker buildx create --name lab "
            "--driver docker-container --use --config buildkitd.toml && lab images build",
            stops=(f"push/{host}",),
        )


def node_expects_https(snapshot: Snapshot) -> Iterator[Finding]:
    """A node's runtime was not told that the registry speaks plain HTTP."""
    places: dict[tuple[str, str], list[Pull]] = {}
    for pull in pulls(snapshot, "plain-http"):
        places.setdefault((pull.pod.node, registry_of(pull.container.image)), []).append(pull)
    for (name, host), failing in places.items():
        node = snapshot.node(name)
        yield Finding(
            "registry-plain-http",
            f"Node/{name}",
            f"node {name} asks {host} by HTTPS, which speaks plain HTTP",
            found=failing[0].said,
            why=f"containerd on {name} speaks HTTPS to every registry that its own files do not name; "
            f"other nodes may have the file already{_to_add(node, host, 'http')}",
            do=_point_to(node, host, "http") if node else "lab registry config",
            stops=tuple(pull.pod.ref for pull in failing),
            rests_on=(f"Node/{name}",),
        )


def registry_needs_login(snapshot: Snapshot) -> Iterator[Finding]:
    """The registry wants to know who asks."""
    for workload, pod, container, said in _first_of_each(snapshot, "login"):
        host, account = registry_of(container.image), str(pod.spec.get("serviceAccountName") or "default")
        secrets = ", ".join(one["name"] for one in pod.spec.get("imagePullSecrets") or ()) or "none"
        secret = remedies.kubectl(
            snapshot.namespace, "create", "secret", "generic", "registry-login", "--type=kubernetes.io/dockerconfigjson"
        )
        add = {"imagePullSecrets": [{"name": "registry-login"}]}
        steps = (
            f"docker login {host}",
            f'{secret} --from-file=.dockerconfigjson="$HOME/.docker/config.json"',
            remedies.patch(snapshot.namespace, f"serviceaccount/{account}", add, kind="strategic"),
            remedies.restart(snapshot.namespace, workload),
        )
        yield _pull_finding(
            snapshot,
            "registry-needs-login",
            workload,
            title=f"{host} wants a login before it gives {short_image(container.image)}",
            found=f"{said}; pull secrets of the pod: {secrets}",
            why="the registry refuses an anonymous pull, or the credentials it was given",
            do=" && ".join(steps),
        )


def image_is_absent(snapshot: Snapshot) -> Iterator[Finding]:
    """The registry has no such image or tag, or the node asks another registry."""
    for workload, pod, container, said in _first_of_each(snapshot, "absent"):
        host, node = registry_of(container.image), snapshot.node(pod.node)
        probe = next((one for one in snapshot.probes.images if one.reference == container.image), None)
        has = f"; the registry has the tags {', '.join(probe.tags[:5])}" if probe and probe.tags else ""
        meant = node.architecture if node else snapshot.architecture(pod)
        image = probe.image_for(meant) if probe else ""
        why = "it was never pushed, or was pushed under another name; a node only repeats what the registry says"
        do = remedies.resolve(snapshot.namespace) if digest_of(container.image) else remedies.build(snapshot.namespace)
        if node and probe and probe.found:
            scheme = next((one.scheme for one in snapshot.probes.registries if one.host == host), "") or "https"
            has, do = f"; the lab finds it at {host}", _point_to(node, host, scheme)
            why = f"{pod.node} asks somebody else: its own files name no address, or another one, for {host}"
            why += _to_add(node, host, scheme)
        elif probe and image and not snapshot.is_wanted(workload):
            why += f"; the nearest tag is {probe.nearest}, whose image for {meant} is {short_image(image)}"
            do = remedies.set_image(snapshot.namespace, workload, container.name, image)
        yield _pull_finding(
            snapshot,
            "image-not-there",
            workload,
            title=f"{pod.node} does not find {short_image(container.image)} in {host}",
            found=said + has,
            why=why,
            do=do,
            rests_on=(f"push/{host}",),
        )


def registry_is_unreachable(snapshot: Snapshot) -> Iterator[Finding]:
    """Nobody answers at the registry's address."""
    failing: dict[str, list[Pull]] = {}
    for pull in pulls(snapshot, "unreachable"):
        failing.setdefault(registry_of(pull.container.image), []).append(pull)
    seen = {one.host: one for one in snapshot.probes.registries}
    for host in sorted(failing.keys() | {one.host for one in seen.values() if one.reachable is False}):
        from_nodes, probe = failing.get(host, []), seen.get(host)
        nodes = sorted({pull.pod.node for pull in from_nodes})
        reached = probe is not None and probe.reachable is True
        said = [*(pull.said for pull in from_nodes[:1]), *([probe.error] if probe and probe.error else [])]
        why, do = _cure_of_silence(host, nodes, reached=reached)
        yield Finding(
            "registry-unreachable",
            f"Registry/{host}",
            f"nobody answers at {host}" + (f" from {', '.join(nodes)}" if nodes else ""),
            found="; ".join(said) + ("; the lab itself reaches it" if reached else ""),
            why=why,
            do=do,
            stops=tuple(pull.pod.ref for pull in from_nodes),
            rests_on=tuple(f"Node/{name}" for name in nodes),
        )


def _first_of_each(snapshot: Snapshot, kind: str) -> Iterator[tuple[str, Pod, Container, str]]:
    """One failing pull of each workload."""
    seen: set[str] = set()
    for pod, container, said in pulls(snapshot, kind):
        if pod.workload not in seen:
            seen.add(pod.workload)
            yield pod.workload, pod, container, said


def _pull_finding(
    snapshot: Snapshot,
    cause: str,
    workload: str,
    *,
    rests_on: tuple[str, ...] = (),
    **words: str,
) -> Finding:
    pods = not_ready(snapshot, workload)
    return Finding(cause, workload, **words, stops=pods, rests_on=(*pods, *rests_on))


def _cure_of_silence(host: str, nodes: list[str], *, reached: bool) -> tuple[str, str]:
    """Why nobody answers, and what helps on its machine; one of somebody else's is only asked once more."""
    name, _, port = host.rpartition(":")
    if not name or PUBLIC.fullmatch(name):
        why = "others run it; a firewall, a proxy or a route is between it and those who ask"
        server = "registry-1.docker.io" if host == "docker.io" else host
        ask = shlex.join(["curl", "-sSI", "--max-time", "10", f"https://{server}/v2/"])
        return why, remedies.on(nodes[0], ask) if nodes else ask
    if reached:
        opened = f"sudo ufw allow {port}/tcp || sudo iptables -I INPUT -p tcp --dport {port} -j ACCEPT"
        return "a firewall or a route keeps the nodes away from it", remedies.on(name, opened)
    started = "sudo systemctl restart docker-registry || sudo docker start registry"
    return "the registry does not run", remedies.on(name, started)


def registry_is_not_asked(snapshot: Snapshot) -> Iterator[Finding]:
    """The settings of the registry cannot be used."""
    for one in snapshot.probes.registries:
        if one.reachable is None:
            yield Finding(
                "registry-not-asked",
                f"Registry/{one.host}",
                f"the lab cannot ask {one.host}; what it holds is not known",
                found=one.error,
                why="a setting of the lab names what cannot be used; the registry itself was not asked",
                do="lab config show",
            )


def _mirror(host: str, scheme: str) -> tuple[str, ...]:
    """What `registries.yaml` says of a registry that is spoken to at its own address."""
    return ("mirrors:", f'  "{host}":', f'    endpoint: ["{scheme}://{host}"]')


def _to_add(node: Node | None, host: str, scheme: str) -> str:
    """What to write where a node's file is there already, since others wrote into it."""
    if node is None or not node.distribution:
        return ""
    _, name, endpoint = (line.strip() for line in _mirror(host, scheme))
    return f"; where its registries.yaml is there already, add below mirrors: {name} {{{endpoint}}}"


def _point_to(node: Node, host: str, scheme: str) -> str:
    """Write the file that lets this very node ask this very host, in this very way."""
    if node.distribution:
        path = f"/etc/rancher/{node.distribution}/registries.yaml"
        again = f"sudo systemctl restart {node.service}"
        return remedies.write_or_edit_file(node, path, _mirror(host, scheme), then=again)
    lines = (f'server = "{scheme}://{host}"', f'[host."{scheme}://{host}"]', '  capabilities = ["pull", "resolve"]')
    return remedies.write_file(node, f"/etc/containerd/certs.d/{host}/hosts.toml", lines)


def _sentence(said: str, pattern: re.Pattern[str]) -> str:
    """The reason alone, without the wrapping that repeats the image's name three times."""
    line = next(line for line in said.splitlines() if pattern.search(line))
    reason = WRAPPING.sub("", line)
    return reason if pattern.search(reason) else line
