"""The tables of causes: each cause is found by a small pure function over a snapshot."""

from collections.abc import Mapping, Sequence
from typing import Final

from lab.diagnosis.finding import Rule
from lab.diagnosis.rules.before import choices, placement, requirements
from lab.diagnosis.rules.cluster import (
    access,
    admission,
    crashes,
    dns,
    health_probes,
    memory,
    namespaces,
    nodes,
    scheduling,
    unexplained,
)
from lab.diagnosis.rules.images import architecture, registry
from lab.diagnosis.rules.local import machine, programs, starting
from lab.diagnosis.rules.local import metrics as local_metrics
from lab.diagnosis.rules.local import store as local_store
from lab.diagnosis.rules.servers import store, store_password, store_version
from lab.diagnosis.rules.telemetry import collector, metrics, prometheus
from lab.snapshots.snapshot import Snapshot

RULES: Final[Mapping[str, Rule]] = {
    "forbidden": access.is_forbidden,
    "namespace-terminating": namespaces.namespace_is_stuck,
    "node-not-ready": nodes.node_is_not_ready,
    "disk-pressure": nodes.disk_is_full,
    "node-pressure": nodes.node_is_under_pressure,
    "pod-security": admission.pod_security_refuses,
    "quota-exceeded": admission.quota_is_exceeded,
    "limit-range": admission.limit_range_refuses,
    "volume-pins-pod": scheduling.volume_pins_pod,
    "no-node-fits": scheduling.no_node_fits,
    "builder-plain-http": registry.builder_expects_https,
    "registry-unreachable": registry.registry_is_unreachable,
    "registry-not-asked": registry.registry_is_not_asked,
    "registry-plain-http": registry.node_expects_https,
    "registry-needs-login": registry.registry_needs_login,
    "digest-not-of-architecture": architecture.digest_of_another_architecture,
    "image-not-there": registry.image_is_absent,
    "wrong-architecture": architecture.image_cannot_execute,
    "wrong-architecture-silent": architecture.image_is_silently_wrong,
    "collector-configuration": collector.collector_refuses_configuration,
    "oom-kill": memory.runs_out_of_memory,
    "dns-failing": dns.names_do_not_resolve,
    "redis-unreachable": store.redis_is_unreachable,
    "redis-password": store_password.redis_denies_login,
    "redis-not-asked": store.redis_is_not_asked,
    "redis-evicts": store.redis_evicts,
    "redis-not-durable": store.redis_is_not_durable,
    "crash-at-start": crashes.crashes_with_traceback,
    "probe-failing": health_probes.probe_fails,
    "clock-skew": nodes.clock_is_wrong,
    "prometheus-not-asked": prometheus.prometheus_is_not_asked,
    "prometheus-receives-nothing": prometheus.prometheus_receives_nothing,
    "running-no-metrics": metrics.runs_without_metrics,
}
"""On a cluster: cause → the rule that finds it.

In all these tables the most causal rule comes first: an earlier finding may explain a later one, never the reverse.
"""

LOCAL_RULES: Final[Mapping[str, Rule]] = {
    "not-linux": machine.system_is_not_linux,
    "python-too-old": machine.python_is_too_old,
    "disk-full": machine.disk_is_full,
    "out-of-memory": machine.memory_runs_out,
    "program-missing": machine.program_is_missing,
    "wrong-settings": starting.settings_are_wrong,
    "port-taken": starting.port_is_taken,
    "redis-unreachable": local_store.with_programs(store.redis_is_unreachable),
    "redis-password": local_store.with_programs(store_password.redis_denies_login),
    "redis-not-asked": local_store.with_programs(store.redis_is_not_asked),
    "redis-evicts": local_store.with_programs(store.redis_evicts),
    "redis-not-durable": local_store.with_programs(store.redis_is_not_durable),
    "store-refused": local_store.store_is_refused,
    "crash-at-start": programs.program_crashes,
    "stack-orphaned": programs.stack_is_orphaned,
    "prometheus-not-asked": prometheus.prometheus_is_not_asked,
    "prometheus-receives-nothing": prometheus.prometheus_receives_nothing,
    "metrics-elsewhere": local_metrics.metrics_go_elsewhere,
    "no-metrics": local_metrics.service_has_no_metrics,
}
"""On this machine, before and after a deployment."""

REQUIREMENTS: Final[Mapping[str, Rule]] = {
    "cluster-unreachable": requirements.cluster_is_unreachable,
    "cluster-too-old": requirements.cluster_is_too_old,
    "nodes-not-listed": requirements.nodes_are_not_listed,
    "no-node-for-architecture": placement.no_node_for_architecture,
    "namespace-not-usable": requirements.namespace_is_not_usable,
    "registry-not-named": choices.registry_is_not_named,
    "registry-refuses": choices.registry_refuses,
    "images-not-locked": choices.images_are_not_locked,
    "locked-image-wrong": choices.locked_images_are_wrong,
    "image-setting": choices.image_setting_is_wrong,
    "store-not-named": choices.store_is_not_named,
    "prometheus-not-named": choices.prometheus_is_not_named,
    "store-refused": store_version.store_is_too_old,
}
"""On a cluster, before a deployment, beside `RULES`."""

LAST_RESORT: Final[Rule] = unexplained.is_not_well
"""Asked after all others, for pods and Deployments that none of them explains."""
LOCAL_LAST_RESORT: Final[Rule] = programs.program_is_down
"""The same for programs of this machine."""


def rules_for(snapshot: Snapshot) -> Sequence[Rule]:
    """Return the rules that judge a snapshot, in order."""
    if snapshot.is_local:
        return (*LOCAL_RULES.values(), LOCAL_LAST_RESORT)
    before = REQUIREMENTS.values() if snapshot.moment == "before" else ()
    return (*before, *RULES.values(), LAST_RESORT)
