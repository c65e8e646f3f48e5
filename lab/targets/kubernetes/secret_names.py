"""Names of the Secrets of a stack."""

from typing import Final

SERVING: Final = "lab-serving"
"""Holds the certificate and the token of the services."""
STORE: Final = "lab-store"
"""Holds the password of the store, and the CA of a store outside the cluster."""
PROMETHEUS: Final = "lab-prometheus"
"""Holds the authorization and the CA of a Prometheus outside the cluster."""
PULL: Final = "lab-registry"
"""Holds the login of the registry."""
SECRET_NAMES: Final = (SERVING, STORE, PROMETHEUS, PULL)
"""All of them. The lab may not list Secrets, so that it removes only Secrets that are named here."""
