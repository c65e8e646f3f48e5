"""Writes the registry's credentials in the form that nodes and builders read."""

import base64
import json
from typing import Final

from lab.images.access import RegistryAccess
from lab.model.image_references import HUB

HUB_KEY: Final = "https://index.docker.io/v1/"


def pull_secret(access: RegistryAccess) -> str:
    """Return the content of a Secret's `.dockerconfigjson`, which is that of docker's `config.json`.

    Empty for anonymous access.

    Raises:
        BadConfig: The password cannot be read.
    """
    if not access.user:
        return ""
    credentials = base64.b64encode(f"{access.user}:{access.password()}".encode()).decode()
    return json.dumps({"auths": {HUB_KEY if access.host == HUB else access.host: {"auth": credentials}}})
