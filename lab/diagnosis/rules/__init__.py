"""Every cause the lab knows, each a small pure function over a snapshot: the table."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from lab.diagnosis.finding import Finding
from lab.diagnosis.rules import (
    access,
    cluster,
    collector,
    containers,
    images,
    metrics,
    prometheus,
    registry,
    scheduling,
    store,
    unexplained,
)
from lab.snapshots.snapshot import Snapshot

Rule = Callable[[Snapshot], Iterator[Finding]]

RULES: Final[Mapping[str, Rule]] = {
    "forbidden": access.is_forbidden,
    "namespace-terminating": access.namespace_is_stuck,
    "node-not-ready": cluster.node_is_not_ready,
    "disk-pressure": cluster.disk_is_full,
    "node-pressure": cluster.node_is_under_pressure,
    "pod-security": access.pod_security_refuses,
    "quota-exceeded": access.quota_is_exceeded,
    "limit-range": access.limit_range_refuses,
    "volume-pins-pod": scheduling.volume_pins_pod,
    "no-node-fits": scheduling.no_node_fits,
    "builder-plain-http": registry.builder_expects_https,
    "registry-unreachable": registry.registry_is_unreachable,
    "registry-not-asked": registry.registry_is_not_asked,
    "registry-plain-http": registry.node_expects_https,
    "registry-needs-login": registry.registry_needs_login,
    "digest-not-of-architecture": images.digest_of_another_architecture,
    "image-not-there": registry.image_is_absent,
    "wrong-architecture": images.image_cannot_execute,
    "wrong-architecture-silent": images.image_is_silently_wrong,
    "collector-configuration": collector.collector_refuses_configuration,
    "oom-kill": containers.runs_out_of_memory,
    "dns-failing": store.names_do_not_resolve,
    "redis-unreachable": store.redis_is_unreachable,
    "redis-password": store.redis_denies_login,
    "redis-not-asked": store.redis_is_not_asked,
    "redis-evicts": store.redis_evicts,
    "redis-not-durable": store.redis_is_not_durable,
    "crash-at-start": containers.crashes_with_traceback,
    "probe-failing": containers.probe_fails,
    "clock-skew": cluster.clock_is_wrong,
    "prometheus-not-asked": prometheus.prometheus_is_not_asked,
    "prometheus-receives-nothing": prometheus.prometheus_receives_nothing,
    "running-no-metrics": metrics.runs_without_metrics,
}
"""Cause → the rule that finds it, most causal first: an earlier finding may explain a later one, never the reverse."""

LAST_RESORT: Final[Rule] = unexplained.is_not_well
"""Asked after all others, for pods and Deployments that none of them explains."""
