# The four services, one target each: `lab images build`, or docker buildx bake (docker-bake.json).
# Whatever runs while building runs on the builder's own platform; nothing is emulated. BASE brings Python ≥ 3.11 and pip;
# docker-bake.json names it, and `lab images base` pins it there by digest.
ARG BASE

# Wheels to install from in place of the package index: --build-context wheels=FOLDER --build-arg PIP_NO_INDEX=1
FROM scratch AS wheels

FROM --platform=$BUILDPLATFORM ${BASE} AS dependencies
ARG TARGETARCH
ARG PIP_NO_INDEX
COPY requirements-services.lock /app/
RUN --mount=type=bind,from=wheels,target=/wheels \
    case "$TARGETARCH" in amd64) machine=x86_64 ;; arm64) machine=aarch64 ;; *) echo "no wheels for $TARGETARCH" >&2; exit 1 ;; esac; \
    python3 -m pip install --no-cache-dir --no-compile --disable-pip-version-check --root-user-action ignore \
      --require-hashes --only-binary :all: --platform "manylinux2014_$machine" --platform "manylinux_2_28_$machine" \
      --find-links /wheels --target /app/dependencies --requirement /app/requirements-services.lock && \
    python3 -m compileall -q --invalidation-mode unchecked-hash /app/dependencies && \
    mkdir /app/simulator && mv /app/dependencies/pyarrow* /app/simulator

# The services report the project's version, which is read from a distribution's metadata.
FROM --platform=$BUILDPLATFORM ${BASE} AS code
COPY pyproject.toml /
COPY services /code/services
RUN python3 -m compileall -q --invalidation-mode unchecked-hash -s /code -p /app /code/services && \
    version=$(python3 -c 'import tomllib; print(tomllib.load(open("/pyproject.toml", "rb"))["project"]["version"])') && \
    metadata=/code/observability_lab-$version.dist-info && mkdir "$metadata" && \
    printf 'Metadata-Version: 2.1\nName: observability-lab\nVersion: %s\n' "$version" >"$metadata/METADATA"

FROM ${BASE} AS base

# The base without what installs packages; its own modules are compiled, which bases leave to the first start, and a start
# on a small board, or of a root that is read-only, would do each time.
FROM --platform=$BUILDPLATFORM ${BASE} AS runtime
COPY --from=base / /runtime/
RUN rm -rf /runtime/usr/local/lib/python3*/site-packages/* /runtime/usr/lib/python3*/dist-packages/* \
      /runtime/usr/local/lib/python3*/ensurepip /runtime/usr/lib/python3*/ensurepip \
      /runtime/usr/local/bin/pip* /runtime/usr/bin/pip* && \
    for modules in /runtime/usr/lib/python3.* /runtime/usr/local/lib/python3.*; do \
      [ ! -d "$modules" ] || python3 -m compileall -q --invalidation-mode unchecked-hash -s /runtime -p / -x '/(test|tests|lib2to3)/' "$modules"; \
    done

FROM scratch AS service
COPY --from=runtime /runtime/ /
COPY --from=dependencies /app/dependencies /app/dependencies
COPY --from=code /code /app
ENV PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME=/tmp PYTHONPATH=/app:/app/dependencies PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001

FROM service AS ingest-api
ENTRYPOINT ["python3", "-m", "services.ingest_api"]

FROM service AS process-worker
ENTRYPOINT ["python3", "-m", "services.process_worker"]

FROM service AS query-api
ENTRYPOINT ["python3", "-m", "services.query_api"]

# Half of all dependencies, and used here alone.
FROM service AS simulator
COPY --from=dependencies /app/simulator /app/dependencies
ENTRYPOINT ["python3", "-m", "services.simulator"]
