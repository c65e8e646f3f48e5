"""Starts a node: a container runtime, a kubelet and a kube-proxy in a network namespace."""

import json
from pathlib import Path

from lab.files import write_text
from tests.cluster.rig.certificates import Certificates
from tests.cluster.rig.facts import CONTROL, REGISTRY, RUN, Node
from tests.cluster.rig.images import PAUSE
from tests.cluster.rig.processes import Processes


def start_runtime(processes: Processes, node: Node, state: Path) -> None:
    """Start the node's containerd, which is native on every node: an emulated containerd has no seccomp."""
    folder = state / "nodes" / node.name
    for part in (folder / "cni", registry_folder(folder), RUN / node.name):
        part.mkdir(parents=True)
    write_text(folder / "cni" / "10-bridge.conflist", json.dumps(pod_network(node, folder)))
    write_text(registry_folder(folder) / "hosts.toml", registry_hosts())
    write_text(folder / "containerd.toml", containerd_config(node, folder))
    command = ("containerd", "--config", str(folder / "containerd.toml"))
    processes.start(f"containerd-{node.name}", *command, namespace=node.namespace)


def start_kubelet(processes: Processes, node: Node, *, programs: Path, state: Path) -> None:
    """Start the node's kubelet and kube-proxy; containerd and the API server must be ready."""
    folder, certificates = state / "nodes" / node.name, Certificates(state / "certificates")
    write_text(state / "resolv.conf", f"nameserver {CONTROL}\n")
    write_text(folder / "kubelet.yaml", json.dumps(kubelet_config(node, folder, certificates)))
    write_text(folder / "proxy.yaml", json.dumps(proxy_config(node, certificates)))
    options = {
        "config": folder / "kubelet.yaml",
        "kubeconfig": certificates.kubeconfig(node.name),
        "root-dir": folder / "kubelet",
        "node-ip": node.address,
        "hostname-override": node.name,
    }
    kubelet = (
        # An emulated Go program sometimes hangs when its own signals interrupt it (golang/go#36981).
        *("env", "GODEBUG=asyncpreemptoff=1"),
        str(programs / f"kubelet-{node.architecture}"),
        *(f"--{name}={value}" for name, value in options.items()),
    )
    processes.start(f"kubelet-{node.name}", *kubelet, namespace=node.namespace)
    proxy = (str(programs / "kube-proxy"), "--config", str(folder / "proxy.yaml"))
    processes.start(f"proxy-{node.name}", *proxy, namespace=node.namespace)


def socket_of(node: Node) -> Path:
    """Return the socket of the node's containerd."""
    return RUN / node.name / "containerd.sock"


def registry_folder(folder: Path) -> Path:
    """Return the folder of containerd's settings for the registry."""
    return folder / "certs.d" / REGISTRY


def registry_hosts() -> str:
    """Return settings for plain HTTP; without them: "server gave HTTP response to HTTPS client"."""
    return f'server = "http://{REGISTRY}"\n[host."http://{REGISTRY}"]\n  capabilities = ["pull", "resolve"]\n'


def containerd_config(node: Node, folder: Path) -> str:
    """Return a configuration that keeps files of /run and /var/lib, and pods' namespaces, in the rig's folders."""
    # Without CAP_SYS_RESOURCE no process can get a lower OOM score, and every sandbox would fail.
    return f"""version = 2
root = "{folder}/containerd"
state = "{RUN / node.name}"
[grpc]
  address = "{socket_of(node)}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  sandbox_image = "{PAUSE}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{folder}/certs.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "{RUN / node.name}/runc"
"""


def pod_network(node: Node, folder: Path) -> dict[str, object]:
    """Return a bridge in the node's namespace; pods reach each other by routes, without address translation."""
    addresses = {
        "type": "host-local",
        "dataDir": str(folder / "ipam"),
        "ranges": [[{"subnet": str(node.pods)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": addresses,
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, portmap]}


def kubelet_config(node: Node, folder: Path, certificates: Certificates) -> dict[str, object]:
    """Return the configuration of a kubelet with its own cgroup root, because two kubelets share this machine."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": certificates.authority},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.namespace}",
        "clusterDomain": "cluster.local",
        "clusterDNS": [CONTROL],
        "containerRuntimeEndpoint": f"unix://{socket_of(node)}",
        "tlsCertFile": certificates.certificate(node.name),
        "tlsPrivateKeyFile": certificates.key(node.name),
        "failSwapOn": False,
        "resolvConf": str(folder.parents[1] / "resolv.conf"),
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "podLogsDir": str(folder / "podlogs"),
    }


def proxy_config(node: Node, certificates: Certificates) -> dict[str, object]:
    """Return a configuration for iptables in the node's namespace that leaves the machine's conntrack settings."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(certificates.kubeconfig("proxy"))},
        "hostnameOverride": node.name,
        "mode": "iptables",
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
