"""Kinds of the Kubernetes objects that the lab works with."""

from typing import Final, NamedTuple


class Kind(NamedTuple):
    """A kind of object, which a cluster's methods take as their first argument.

    Attributes:
        api_version: For example `apps/v1`.
        name: For example `Deployment`.
    """

    api_version: str
    name: str


CONFIG_MAP: Final = Kind("v1", "ConfigMap")
DEPLOYMENT: Final = Kind("apps/v1", "Deployment")
EVENT: Final = Kind("v1", "Event")
LIMIT_RANGE: Final = Kind("v1", "LimitRange")
NAMESPACE: Final = Kind("v1", "Namespace")
NETWORK_POLICY: Final = Kind("networking.k8s.io/v1", "NetworkPolicy")
NODE: Final = Kind("v1", "Node")
POD: Final = Kind("v1", "Pod")
POD_DISRUPTION_BUDGET: Final = Kind("policy/v1", "PodDisruptionBudget")
QUOTA: Final = Kind("v1", "ResourceQuota")
REPLICA_SET: Final = Kind("apps/v1", "ReplicaSet")
SECRET: Final = Kind("v1", "Secret")
SERVICE: Final = Kind("v1", "Service")
SERVICE_ACCOUNT: Final = Kind("v1", "ServiceAccount")
VOLUME: Final = Kind("v1", "PersistentVolume")
VOLUME_CLAIM: Final = Kind("v1", "PersistentVolumeClaim")
