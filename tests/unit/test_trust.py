"""A TLS context trusts the authority of a file, or those of the system."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.errors import BadConfig
from lab.targets.kubernetes.credentials.certificates import new_certificates
from lab.trust import tls_context


def test_the_authority_of_a_file_is_trusted_and_no_other(tmp_path: Path) -> None:
    """Those of the system are left out; a certificate is asked for, and its name is checked."""
    file = tmp_path / "ca.crt"
    file.write_bytes(new_certificates(("127.0.0.1",), now=datetime.now(UTC)).ca)
    context = tls_context(file)
    [authority] = context.get_ca_certs()
    assert authority["subject"] == ((("commonName", "observability-lab CA"),),)
    assert context.check_hostname


@pytest.mark.parametrize(("content", "why"), [(None, "No such file or directory"), ("planted", "holds no certificate")])
def test_a_file_without_an_authority_is_a_fault_of_the_configuration(
    content: str | None, why: str, tmp_path: Path
) -> None:
    """The error names the file, and the command that shows which setting names it."""
    file = tmp_path / "ca.crt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(BadConfig) as refused:
        tls_context(file)
    assert str(file) in refused.value.attempted
    assert why in refused.value.found
    assert refused.value.next_step.startswith("lab config show")


@pytest.mark.parametrize("has_ca", [False, True])
def test_a_file_that_a_variable_names_is_not_taken_for_the_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_ca: bool
) -> None:
    """Python writes the keys of a session into the file that SSLKEYLOGFILE names."""
    ca_file, key_log = tmp_path / "ca.crt", tmp_path / "gone" / "keys"
    ca_file.write_bytes(new_certificates(("127.0.0.1",), now=datetime.now(UTC)).ca)
    monkeypatch.setenv("SSLKEYLOGFILE", str(key_log))
    with pytest.raises(BadConfig) as refused:
        tls_context(ca_file if has_ca else None)
    assert refused.value.attempted == "cannot prepare TLS"
    assert refused.value.found == f"{key_log}: No such file or directory"
    assert "SSL" in refused.value.next_step
