"""What surrounds the lab changes nothing: proxies, a folder of the same name, where a notebook is started from."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from lab.errors import BadConfig
from lab.settings import environment_with, inherited_environment, load_settings, project_of, settings_for
from lab.snapshots.unscraped import not_scraped
from lab.targets.processes.metrics.destination import refuse_unscraped
from services.serving.channel import OPTIONS

PROJECT: Final = Path(__file__).parents[2]
DEADLINE_S: Final = 60


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program whose own folder Python searches first, as it does for a notebook's."""
    environment = os.environ | {"PYTHONPATH": str(folder)}  # noqa: TID251  a child inherits it
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


# -------------------------------------------------------------------------------------------------------- proxies


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "all_proxy"])
def test_programs_ask_no_proxy_for_this_machine(name: str) -> None:
    """And none for the hosts that the user names."""
    with environment_with(**{name: "http://127.0.0.1:9", "no_proxy": "example.org"}):
        inherited = inherited_environment()
    assert inherited["no_proxy"] == inherited["NO_PROXY"] == "example.org,127.0.0.1,localhost,::1"


def test_without_a_proxy_the_environment_stays() -> None:
    """Nothing is added."""
    assert inherited_environment().keys() & {"no_proxy", "NO_PROXY"} <= os.environ.keys()  # noqa: TID251


def test_services_ask_no_proxy_for_each_other() -> None:
    """Whatever their environment says."""
    assert dict(OPTIONS)["grpc.enable_http_proxy"] == 0


# ------------------------------------------------------------------------------------------ folders of the same name


@pytest.mark.parametrize("name", ["services/__init__.py", "services.py"])
def test_a_package_of_the_users_does_not_hide_ours(tmp_path: Path, name: str) -> None:
    """A notebook's folder comes first in Python's search."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("raise RuntimeError('not this one')\n")
    done = python("import lab, services; print(services.__path__[0])", tmp_path)
    assert (done.stdout.strip(), done.stderr) == (str(PROJECT / "services"), "")


def test_a_package_that_was_loaded_before_is_named(tmp_path: Path) -> None:
    """In one line, with what to do."""
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "__init__.py").write_text("")
    last = python("import services, lab", tmp_path).stderr.strip().splitlines()[-1]
    assert last == f"ImportError: {tmp_path / 'services'} hides the lab's own package; import lab before it"


# --------------------------------------------------------------------------------------------- where runs are kept


def test_a_run_belongs_to_the_project_of_its_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever papermill is started from; a setting wins."""
    project = tmp_path / "project"
    (project / "notebooks").mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    notebook = project / "notebooks" / "a.ipynb"
    monkeypatch.chdir(tmp_path)
    assert (project_of(notebook), project_of(None)) == (project, tmp_path)
    assert settings_for(notebook).runs_dir == project / "runs"
    assert settings_for(None).runs_dir == load_settings().runs_dir == tmp_path / "runs"
    assert settings_for(tmp_path / "lonely.ipynb").runs_dir == tmp_path / "runs"
    with environment_with(LAB_RUNS_DIR="/elsewhere"):
        assert settings_for(notebook).runs_dir == Path("/elsewhere")


# --------------------------------------------------------------------------------------------------- the user's shell


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAB_REDIS_URL", "127.0.0.1:6379"),
        ("LAB_REDIS_URL", "http://127.0.0.1:6379"),
        ("LAB_REDIS_URL", "redis://"),
        ("LAB_REDIS_URL", "unix:///run/redis.sock"),
        ("LAB_PROMETHEUS_URL", "localhost:9090"),
        ("LAB_PROMETHEUS_URL", "redis://localhost:9090"),
        ("LAB_REMOTE_WRITE_URL", "localhost:9090/api/v1/write"),
    ],
)
def test_an_address_without_its_scheme_is_refused_with_its_variable(name: str, value: str) -> None:
    """Exit 78, before anything starts."""
    with environment_with(**{name: value}), pytest.raises(BadConfig, match=name) as refused:
        load_settings()
    assert "it must begin with" in refused.value.found
    assert refused.value.exit_code == 78


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAB_REDIS_URL", "redis://:hunter2@127.0.0.1:6379/0"),
        ("LAB_REDIS_URL", "rediss://me:hunter2@store:6379"),
        ("LAB_PROMETHEUS_URL", "https://me:hunter2@metrics"),
        ("LAB_REMOTE_WRITE_URL", "http://me:hunter2@metrics/api/v1/write"),
    ],
)
def test_a_password_in_an_address_is_refused_and_not_shown(name: str, value: str) -> None:
    """A run's record keeps addresses."""
    with environment_with(**{name: value}), pytest.raises(BadConfig, match=name) as refused:
        load_settings()
    assert "a URL must hold no password" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAB_REDIS_URL", "rediss://host:6379/0"),
        ("LAB_PROMETHEUS_URL", "https://host"),
        ("LAB_REMOTE_WRITE_URL", "none"),
    ],
)
def test_an_address_with_its_scheme_is_taken(name: str, value: str) -> None:
    """And `none`, which says that nothing is written."""
    with environment_with(**{name: value}):
        assert getattr(load_settings(), name.removeprefix("LAB_").lower()) == value


@pytest.mark.parametrize(
    ("variables", "variable"),
    [
        ({}, ""),
        ({"OTEL_SDK_DISABLED": "false"}, ""),
        ({"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}, ""),
        ({"OTEL_SDK_DISABLED": "TRUE"}, "OTEL_SDK_DISABLED"),
        ({"OTEL_METRICS_EXPORTER": "console"}, "OTEL_METRICS_EXPORTER"),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1"}, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"),
    ],
)
def test_a_variable_that_keeps_metrics_away_is_named(variables: dict[str, str], variable: str) -> None:
    """A run would get no metrics, so it is refused before anything starts."""
    elsewhere = not_scraped(variables)
    assert (elsewhere.variable if elsewhere else "") == variable
    with environment_with(**variables):
        if not variable:
            refuse_unscraped(inherited_environment())
            return
        with pytest.raises(BadConfig, match=variable) as refused:
            refuse_unscraped(inherited_environment())
    assert refused.value.next_step.startswith(f"unset {variable}")
