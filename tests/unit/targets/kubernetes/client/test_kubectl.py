"""Commands of kubectl are for one namespace of one cluster."""

from pathlib import Path

from lab.targets.kubernetes.client.kubectl import Kubectl


def test_a_command_names_its_cluster_and_its_namespace() -> None:
    """By the file, where the user chose one; the text is ready to be pasted."""
    program = Path("/bin/kubectl")
    usual = Kubectl("testbed", "here", program=lambda: program)
    assert usual.command("get", "pods") == [
        "/bin/kubectl",
        "--namespace",
        "testbed",
        "--context",
        "here",
        "get",
        "pods",
    ]
    chosen = Kubectl("testbed", "here", Path("/a b/config"), program=lambda: program)
    assert chosen.command("get")[5:] == ["--kubeconfig", "/a b/config", "get"]
    assert chosen.text("get") == "kubectl --namespace testbed --context here --kubeconfig '/a b/config' get"
