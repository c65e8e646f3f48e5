"""Asks the metrics server: whether it answers, its version, whether its remote-write receiver is on."""

from typing import Final

from lab.errors import BadConfig
from lab.metrics.client import PrometheusClient, open_client
from lab.metrics.refusals import REFUSED, UNTRUSTED, PrometheusFault
from lab.probes.error_text import text_of_error
from lab.settings import LabSettings
from lab.snapshots.answers import PrometheusProbe

TIMEOUT_S: Final = 5.0
STATES: Final = {"on": True, "off": False}
"""State of a receiver → whether it is on; any other state is unknown."""


def probe_prometheus(url: str, settings: LabSettings) -> PrometheusProbe:
    """Ask a metrics server what it is, signed in to as the settings say where they name it; no sample is written.

    Every answer, and none, is a probe. No server is asked where the file of the authorization or of the CA cannot be
    read.
    """
    try:
        return probe_with(open_client(url, settings, timeout_s=TIMEOUT_S), url)
    except BadConfig as error:
        return PrometheusProbe(url, reachable=None, error=text_of_error(error))


def probe_with(client: PrometheusClient, url: str) -> PrometheusProbe:
    """Ask a metrics server through a client; every answer, and none, is a probe.

    Raises:
        BadConfig: The file of the CA cannot be read.
    """
    try:
        version = client.build_info()
        receiver = client.receives_remote_write()
    except PrometheusFault as fault:
        # A server whose certificate is not trusted is there.
        error = f"{fault.status}: {fault.detail}" if fault.status else fault.detail
        return PrometheusProbe(url, reachable=fault.reason in {REFUSED, UNTRUSTED}, error=error)
    return PrometheusProbe(
        url, reachable=True, receives=STATES.get(receiver.state), error=receiver.detail, version=version
    )
