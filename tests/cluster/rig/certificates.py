"""Creates the rig's certificate authority, its certificates and its kubeconfigs."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Final

from lab.files import write_text
from tests.cluster.rig.commands import run
from tests.cluster.rig.facts import API_SERVICE, API_URL, CONTROL, NODES

DAYS: Final = "30"
KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
ADMIN: Final = "admin"
LAB_USER: Final = "lab-user"
"""The user whose only rights come from `lab rbac print`."""
CLIENTS: Final = {
    ADMIN: "/O=system:masters/CN=admin",
    "coredns": "/O=system:masters/CN=coredns",
    "controller-manager": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
    "proxy": "/CN=system:kube-proxy",
    LAB_USER: f"/CN={LAB_USER}",
    **{node.name: f"/O=system:nodes/CN=system:node:{node.name}" for node in NODES},
}
"""Name of a kubeconfig → the subject by which the API server identifies its user."""


class Certificates:
    """Keys, certificates and kubeconfigs in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def authority(self) -> str:
        """Path of the authority's certificate."""
        return str(self.folder / "ca.crt")

    def certificate(self, name: str) -> str:
        """Return the path of a certificate."""
        return str(self.folder / f"{name}.crt")

    def key(self, name: str) -> str:
        """Return the path of a key."""
        return str(self.folder / f"{name}.key")

    def kubeconfig(self, name: str) -> Path:
        """Return the path of a kubeconfig, which refers to no other file."""
        return self.folder / f"{name}.kubeconfig"

    def create(self) -> None:
        """Create a new authority and everything that it signs."""
        self.folder.mkdir(mode=0o700, parents=True)
        self._openssl("req", "-x509", *KEY, "-days", DAYS, "-subj", "/CN=rig", "-keyout", "ca.key", "-out", "ca.crt")
        self._openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "accounts.key")
        names = "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
        self._sign("apiserver", "/CN=kube-apiserver", f"IP:{CONTROL},IP:127.0.0.1,IP:{API_SERVICE},{names}")
        self._sign("apiserver-kubelet", "/O=system:masters/CN=apiserver-kubelet", "DNS:apiserver-kubelet")
        addresses = {node.name: f",IP:{node.address}" for node in NODES}
        for name, subject in CLIENTS.items():
            self._sign(name, subject, f"DNS:{name}{addresses.get(name, '')}")
            self._write_kubeconfig(name)

    def _sign(self, name: str, subject: str, names: str) -> None:
        self._openssl("req", *KEY, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        extensions = self.folder / f"{name}.ext"
        write_text(extensions, f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
        authority = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", DAYS)
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", *authority, "-extfile", str(extensions), "-out", f"{name}.crt"
        )

    def _write_kubeconfig(self, name: str) -> None:
        cluster = {"server": API_URL, "certificate-authority-data": _base64(self.authority)}
        user = {
            "client-certificate-data": _base64(self.certificate(name)),
            "client-key-data": _base64(self.key(name)),
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "rig", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "rig", "context": {"cluster": "rig", "user": name}}],
            "current-context": "rig",
        }
        write_text(self.kubeconfig(name), json.dumps(config, indent=1))

    def _openssl(self, *arguments: str) -> None:
        run("openssl", *arguments, cwd=self.folder)


def _base64(path: str) -> str:
    return b64encode(Path(path).read_bytes()).decode()
