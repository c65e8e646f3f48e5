"""The drain in a service's settings decides how long the service may take to end."""

import pytest

from lab.errors import BadConfig
from lab.targets.drain import DRAIN_S, LONGEST_DRAIN_S, process_grace_s
from services.serving.settings import ServiceSettings


@pytest.mark.parametrize("drain", ["soon", "-1", "61", "nan", ""])
def test_a_drain_that_no_service_takes_is_refused(drain: str) -> None:
    """Before anything starts."""
    with pytest.raises(BadConfig, match="LAB_DRAIN_SECONDS"):
        process_grace_s({"LAB_DRAIN_SECONDS": drain})


def test_the_drain_is_what_the_services_know() -> None:
    """The lab has the services' own default and bound."""
    assert ServiceSettings().drain_seconds == float(DRAIN_S)
    metadata = ServiceSettings.model_fields["drain_seconds"].metadata
    longest = next(constraint.le for constraint in metadata if hasattr(constraint, "le"))
    assert longest == LONGEST_DRAIN_S
