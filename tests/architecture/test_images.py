"""The Dockerfile has an image for each service, with what the service needs."""

import json
import re

from tests.architecture.tools import PROJECT


def test_only_the_simulator_reads_columns() -> None:
    """The Dockerfile installs pyarrow, half of all dependencies, for the simulator only."""
    users = {
        path.relative_to(PROJECT / "services").parts[0]
        for path in (PROJECT / "services").rglob("*.py")
        if re.search(r"^\s*(import|from) pyarrow", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert users == {"simulator"}


def test_the_dockerfile_has_a_target_for_every_image() -> None:
    """The target starts its service as an unprivileged user."""
    text = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    baked = json.loads((PROJECT / "docker-bake.json").read_text(encoding="utf-8"))
    for name in baked["group"]["default"]["targets"]:
        stage = re.search(rf"^FROM service AS {name}$(.*?)(?=^FROM|\Z)", text, re.MULTILINE | re.DOTALL)
        assert stage is not None, name
        assert f'ENTRYPOINT ["python3", "-m", "services.{name.replace("-", "_")}"]' in stage[1]
    assert "USER 10001:10001" in text
