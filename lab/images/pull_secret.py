"""The registry's credentials in the form that nodes and builders read."""

import base64
import json
from typing import Final

from lab.images.access import HUB, RegistryAccess

HUB_KEY: Final = "https://index.docker.io/v1/"


def pull_secret(access: RegistryAccess) -> str:
    """Content of a Secret's `.dockerconfigjson`, the same as docker's own `config.json`; empty for anonymous access.

    Raises:
        BadConfig: The password cannot be read.
    """
    if not access.user:
        return ""
    pair = base64.b64encode(f"{access.user}:{access.password()}".encode()).decode()
    return json.dumps({"auths": {HUB_KEY if access.host == HUB else access.host: {"auth": pair}}})
