"""The findings that are expected of every saved snapshot."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class ExpectedFinding(NamedTuple):
    """A finding as it is expected.

    Attributes:
        object: The faulty object; `{namespace}` stands for the namespace of the snapshot.
        found: A part of the evidence.
        do: The whole command; `…` stands for a part that differs each time the fault is made.
    """

    object: str
    found: str
    do: str


APP: Final = "Deployment/app"
KUBECTL: Final = "kubectl -n {namespace}"
PATCH: Final = f"{KUBECTL} patch deployment/app"
DIGEST: Final = f"{KUBECTL} set image deployment/app service=198.18.0.1:5000/probe@sha256:…"
STORE: Final = "redis-cli -e -h 198.18.0.1 -p"
NO_FILE: Final = "echo 'set until the store restarts: it keeps no configuration file'"
PASSWORD: Final = "/somewhere/password"
UP: Final = "lab up --target kubernetes --namespace {namespace} --force"
EVERY_METRIC: Final = (
    "ingest_events_accepted_total, worker_events_processed_total, query_requests_total, simulator_events_sent_total"
)

EXPECTED: Final[Mapping[str, tuple[ExpectedFinding, ...]]] = {
    "builder-plain-http": (
        ExpectedFinding(
            "Registry/198.18.0.1:5000",
            "http: server gave HTTP response to HTTPS client",
            "printf '[registry.\"198.18.0.1:5000\"]\\n  http = true\\n' > buildkitd.toml && "
            "docker buildx rm -f lab; docker buildx create --name lab --driver docker-container --use "
            "--config buildkitd.toml && lab images build",
        ),
    ),
    "collector-configuration": (
        ExpectedFinding(
            "Deployment/otel-collector",
            "otel-collector, config.yaml:8: 'exporters' the logging exporter has been deprecated",
            f"{KUBECTL} get configmap/otel-collector -o yaml | perl -pe '… == 9) …logging…/debug/ …' | "
            f"kubectl replace -f - && {KUBECTL} rollout restart deployment/otel-collector",
        ),
    ),
    "crash-at-start": (
        ExpectedFinding(
            APP, "NameError: name 'settings' is not defined, at <string>:2", f"{KUBECTL} rollout undo deployment/app"
        ),
    ),
    "digest-not-of-architecture": (ExpectedFinding(APP, "holds amd64; the pod is meant for arm64", DIGEST),),
    "forbidden": (
        ExpectedFinding(
            "User/lab-user",
            "get events, get pods/log, list events, watch events",
            "lab rbac print --no-faults --namespace {namespace} --user lab-user | kubectl apply -f -",
        ),
    ),
    "image-not-there": (
        ExpectedFinding(
            APP,
            "198.18.0.1:5000/probe:2: not found; the registry has the tags 1",
            DIGEST,
        ),
    ),
    "limit-range": (
        ExpectedFinding(
            "LimitRange/small",
            "maximum memory usage per Container is 64Mi, but limit is 128Mi",
            f"{KUBECTL} set resources deployment/app --limits=memory=64Mi",
        ),
    ),
    "namespace-terminating": (
        ExpectedFinding(
            "Namespace/{namespace}",
            "example.com/hold in 1 resource instances",
            KUBECTL + ' patch configmap/held --type=merge -p \'{"metadata":{"finalizers":null}}\'',
        ),
    ),
    "no-node-fits": (
        ExpectedFinding(
            APP,
            "2 node(s) didn't match Pod's node affinity/selector",
            "kubectl label node clus1 --overwrite rig/{namespace}=vm",
        ),
    ),
    "no-node-fits-memory": (
        ExpectedFinding(APP, "1 Insufficient memory", f"{KUBECTL} set resources deployment/app --requests=memory=…Mi"),
    ),
    "node-not-ready": (
        ExpectedFinding("Node/r3", "Kubelet stopped posting node status.", "ssh r3 'sudo systemctl restart kubelet'"),
    ),
    "oom-kill": (
        ExpectedFinding(
            APP,
            "was killed, exit 137 (OOMKilled)",
            f"{KUBECTL} set resources deployment/app -c service --limits=memory=64Mi --requests=memory=64Mi",
        ),
    ),
    "pod-security": (
        ExpectedFinding(
            APP,
            'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
            PATCH + ' --type=strategic -p \'…"runAsNonRoot":true,…"containers":[{"name":"service",'
            '"securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]}}}}\'',
        ),
    ),
    "probe-failing": (
        ExpectedFinding(
            APP,
            ":8081: connect: connection refused",
            PATCH + ' --type=json -p \'[{"op":"replace",'
            '"path":"/spec/template/spec/containers/0/readinessProbe/httpGet/port","value":8080}]\'',
        ),
    ),
    "prometheus-receives-nothing": (
        ExpectedFinding(
            "Prometheus/http://198.18.0.1:9391",
            "/api/v1/write answers 404",
            "ssh 198.18.0.1 'sudo sed -i …--web.enable-remote-write-receiver … && sudo systemctl restart prometheus'",
        ),
    ),
    "prometheus-receives-nothing-out-of-order": (
        ExpectedFinding(
            "Prometheus/http://198.18.0.1:9391",
            "out of order sample",
            "echo 'storage: {tsdb: {out_of_order_time_window: 30m}}' | ssh 198.18.0.1 "
            "'sudo tee -a /etc/prometheus/prometheus.yml >/dev/null && sudo systemctl restart prometheus'",
        ),
    ),
    "quota-exceeded": (
        ExpectedFinding(
            "ResourceQuota/few",
            "exceeded quota: few, requested: pods=1, used: pods=1",
            KUBECTL + ' patch resourcequota/few --type=merge -p \'{"spec":{"hard":{"pods":"2"}}}\'',
        ),
    ),
    "redis-evicts": (
        ExpectedFinding(
            "Redis/198.18.0.1:6393",
            "maxmemory-policy is allkeys-lru",
            f"{STORE} 6393 config set maxmemory-policy noeviction && {{ {STORE} 6393 config rewrite || {NO_FILE}; }}",
        ),
    ),
    "redis-not-durable": (
        ExpectedFinding(
            "Redis/198.18.0.1:6394",
            "durability class volatile",
            f"{STORE} 6394 config set appendonly yes && {STORE} 6394 config set appendfsync always && "
            f"{{ {STORE} 6394 config rewrite || {NO_FILE}; }}",
        ),
    ),
    "redis-password": (
        ExpectedFinding(
            "Redis/198.18.0.1:6392",
            "WRONGPASS",
            f"read -rsp 'password of Redis: ' WORD && (umask 077 && printf %s \"$WORD\" > {PASSWORD}) && "
            f"{KUBECTL} create secret generic lab-store --dry-run=client -o yaml --from-file=password={PASSWORD} | "
            f"kubectl apply -f - && {KUBECTL} rollout restart deployment/app",
        ),
    ),
    "redis-unreachable": (
        ExpectedFinding(
            "Redis/198.18.0.1:6391",
            "Connection refused",
            "ssh 198.18.0.1 'sudo systemctl restart redis-server || sudo docker start redis'",
        ),
    ),
    "registry-needs-login": (
        ExpectedFinding(
            APP,
            "401 Unauthorized; pull secrets of the pod: none",
            f"docker login 198.18.0.1:5002 && {KUBECTL} create secret generic registry-login "
            '--type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson="$HOME/.docker/config.json" && '
            f"{KUBECTL} patch serviceaccount/default --type=strategic "
            '-p \'{"imagePullSecrets":[{"name":"registry-login"}]}\' && '
            f"{KUBECTL} rollout restart deployment/app",
        ),
    ),
    "registry-plain-http": (
        ExpectedFinding(
            "Node/clus1",
            "http: server gave HTTP response to HTTPS client",
            "printf '%s\\n' 'server = \"http://198.18.0.1:5001\"' …"
            " | ssh clus1 'sudo mkdir -p /etc/containerd/certs.d/198.18.0.1:5001 && "
            "sudo tee /etc/containerd/certs.d/198.18.0.1:5001/hosts.toml >/dev/null'",
        ),
    ),
    "registry-unreachable": (
        ExpectedFinding(
            "Registry/198.18.0.1:5003",
            "dial tcp 198.18.0.1:5003: connect: connection refused",
            "ssh 198.18.0.1 'sudo systemctl restart docker-registry || sudo docker start registry'",
        ),
    ),
    "running-no-metrics": (
        ExpectedFinding(
            "Deployment/process-worker-amd64",
            "no sample of worker_events_processed_total in the last 60 s at http://198.18.0.1:9090",
            f"{KUBECTL} set env deployment/process-worker-amd64 OTEL_METRICS_EXPORTER-",
        ),
        ExpectedFinding(
            "Deployment/query-api-amd64",
            "no sample of query_requests_total in the last 60 s at http://198.18.0.1:9090",
            f"{KUBECTL} set env deployment/query-api-amd64 OTEL_EXPORTER_OTLP_ENDPOINT=http://otel-collector:4317",
        ),
    ),
    "running-no-metrics-consuming": tuple(
        ExpectedFinding(
            f"Deployment/process-worker-{architecture}",
            "400 of 400 accepted events wait, and none was counted in 16 s",
            f"{KUBECTL} rollout restart deployment/process-worker-{architecture}",
        )
        for architecture in ("amd64", "arm64")
    ),
    "running-no-metrics-query": (
        ExpectedFinding(
            "Prometheus/http://198.18.0.1:9391",
            f"no sample of {EVERY_METRIC} in the last 60 s at http://198.18.0.1:9391; since its start",
            UP,
        ),
    ),
    "running-no-metrics-remote-write": (
        ExpectedFinding(
            "Deployment/otel-collector",
            f"no sample of {EVERY_METRIC} in the last 60 s at http://198.18.0.1:9391; since its start",
            f"{UP} && {KUBECTL} rollout restart deployment/otel-collector",
        ),
    ),
    "volume-pins-pod": (
        ExpectedFinding(
            APP,
            "1 node(s) didn't match PersistentVolume's node affinity",
            PATCH + ' --type=json -p \'[{"op":"replace","path":"/spec/template/spec/volumes/0",'
            '"value":{"name":"cache","emptyDir":{"sizeLimit":"256Mi"}}}]\'',
        ),
    ),
    "wrong-architecture": (
        ExpectedFinding(
            APP, 'the log ends with "exec /program: exec format error"', DIGEST.replace("probe", "foreign")
        ),
    ),
    "wrong-architecture-silent": (
        ExpectedFinding(
            APP, "imageID is the digest of the index, not of an image", DIGEST.replace("probe", "unpinned")
        ),
    ),
    "wrong-architecture-silent-service": (
        ExpectedFinding(
            "Deployment/process-worker-arm64",
            "node r3 is arm64; the process says x86_64",
            f"lab images resolve && {UP}",
        ),
    ),
}
"""Saved snapshot → its findings."""

EXPLAINED: Final[Mapping[str, frozenset[str]]] = {
    "digest-not-of-architecture": frozenset({"wrong-architecture-silent"}),
}
"""Saved snapshot → other causes that rules find in it. These findings rest on what the snapshot's own cause stops."""
