"""A TLS context trusts the authority of a file, or those of the system."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.errors import BadConfig
from lab.targets.kubernetes.credentials.certificates import new_certificates
from lab.trust import trusted


def test_the_authority_of_a_file_is_trusted_and_no_other(tmp_path: Path) -> None:
    """Those of the system are left out; a certificate is asked for, and its name is checked."""
    file = tmp_path / "ca.crt"
    file.write_bytes(new_certificates(("127.0.0.1",), now=datetime.now(UTC)).ca)
    context = trusted(file)
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
        trusted(file)
    assert str(file) in refused.value.attempted
    assert why in refused.value.found
    assert refused.value.next_step.startswith("lab config show")
