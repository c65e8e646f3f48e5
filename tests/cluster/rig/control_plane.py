"""Starts the control plane: etcd, API server, controller manager, scheduler and CoreDNS."""

from pathlib import Path
from typing import Final

from lab.files import write_text
from tests.cluster.rig.certificates import Certificates
from tests.cluster.rig.facts import CONTROL, CONTROL_NAMESPACE, DNS_READY_URL, SERVICES
from tests.cluster.rig.processes import Processes

ETCD: Final = "http://127.0.0.1:2379"
PEER: Final = "http://127.0.0.1:2380"
CONTROLLERS: Final = ("scheduler", "controller-manager")
"""The programs that create and place pods."""
REST: Final = ("coredns", "apiserver", "etcd")


def start_api(processes: Processes, programs: Path, state: Path) -> None:
    """Start etcd and the API server; Pod Security admission is on by default."""
    certificates = Certificates(state / "certificates")
    urls = ("--listen-client-urls", ETCD, "--advertise-client-urls", ETCD, "--listen-peer-urls", PEER)
    # These data are not needed after a power cut, and every write would wait for the disk.
    etcd = ("etcd", "--data-dir", str(state / "etcd"), *urls, "--unsafe-no-fsync")
    processes.start("etcd", *etcd, namespace=CONTROL_NAMESPACE)
    options = {
        "etcd-servers": ETCD,
        "bind-address": CONTROL,
        "advertise-address": CONTROL,
        "secure-port": "6443",
        "tls-cert-file": certificates.certificate("apiserver"),
        "tls-private-key-file": certificates.key("apiserver"),
        "client-ca-file": certificates.authority,
        "service-account-key-file": certificates.key("accounts"),
        "service-account-signing-key-file": certificates.key("accounts"),
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-cluster-ip-range": SERVICES,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "kubelet-client-certificate": certificates.certificate("apiserver-kubelet"),
        "kubelet-client-key": certificates.key("apiserver-kubelet"),
        # Names of nodes do not resolve; without this option there are no logs and no exec.
        "kubelet-preferred-address-types": "InternalIP",
        "allow-privileged": "true",
    }
    _start(processes, "apiserver", programs / "kube-apiserver", options)


def start_rest(processes: Processes, programs: Path, state: Path) -> None:
    """Start the programs that need the API server."""
    certificates = Certificates(state / "certificates")
    controller_options = {
        "kubeconfig": str(certificates.kubeconfig("controller-manager")),
        "service-account-private-key-file": certificates.key("accounts"),
        "root-ca-file": certificates.authority,
        "cluster-signing-cert-file": certificates.authority,
        "cluster-signing-key-file": certificates.key("ca"),
        "use-service-account-credentials": "true",
        "leader-elect": "false",
    }
    _start(processes, "controller-manager", programs / "kube-controller-manager", controller_options)
    scheduler_options = {"kubeconfig": str(certificates.kubeconfig("scheduler")), "leader-elect": "false"}
    _start(processes, "scheduler", programs / "kube-scheduler", scheduler_options)
    write_text(state / "Corefile", corefile(certificates.kubeconfig("coredns")))
    command = (str(programs / "coredns"), "-conf", str(state / "Corefile"))
    processes.start("coredns", *command, namespace=CONTROL_NAMESPACE)


def corefile(kubeconfig: Path) -> str:
    """Return the configuration of CoreDNS with three plugins."""
    ready = DNS_READY_URL.removeprefix("http://").removesuffix("/ready")
    return f".:53 {{\n errors\n ready {ready}\n kubernetes cluster.local {{\n  kubeconfig {kubeconfig}\n }}\n}}\n"


def _start(processes: Processes, name: str, program: Path, options: dict[str, str]) -> None:
    arguments = [f"--{option}={value}" for option, value in options.items()]
    processes.start(name, str(program), *arguments, namespace=CONTROL_NAMESPACE)
