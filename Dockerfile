# The host with every connector of this repository; runs as an account without rights, on a root
# file system that may be read-only. What it needs to write is in /var/lib/syncer, and /tmp.
#
#   docker build --tag syncer .
#
# Production pins the base by its digest:  --build-arg BASE=python:3.13-slim-trixie@sha256:...
ARG BASE=python:3.13-slim-trixie

# hadolint ignore=DL3006
FROM ${BASE} AS build
WORKDIR /src
COPY requirements-build.lock requirements-run.lock ./
# What runs gets no pip and nothing that is only needed for building or testing. Wheels only: nothing
# is compiled, and no package's own code runs while it is installed.
RUN python3 -m venv /build \
 && /build/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
      --requirement requirements-build.lock \
 && python3 -m venv --without-pip /opt/syncer \
 && /build/bin/pip --python /opt/syncer/bin/python install --no-cache-dir --require-hashes \
      --only-binary :all: --requirement requirements-run.lock
COPY pyproject.toml README.md ./
COPY syncer syncer
COPY connectors connectors
RUN for each in . connectors/*/; do \
      /build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels "./$each" \
      || exit 1; \
    done \
 && /build/bin/pip --python /opt/syncer/bin/python install --no-deps --no-index /wheels/*.whl

# hadolint ignore=DL3006
FROM ${BASE}
LABEL org.opencontainers.image.title="syncer" \
      org.opencontainers.image.description="The integration sidecar beside a planning system"
RUN groupadd --gid 8360 syncer \
 && useradd --uid 8360 --gid syncer --no-log-init --no-create-home --home-dir /var/lib/syncer \
      --shell /usr/sbin/nologin syncer \
 && install --directory --mode 0700 --owner syncer --group syncer /var/lib/syncer \
 && install --directory --mode 0755 /etc/syncer
COPY --from=build /opt/syncer /opt/syncer
# The port is published by the operator; SYNCER_SERVER__ALLOWED_HOSTS names the hosts under which it
# is called. The configuration is mounted at /etc/syncer/config.toml, the root key as a secret.
ENV PATH=/opt/syncer/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SYNCER_SERVER__HOST=0.0.0.0
USER 8360:8360
WORKDIR /var/lib/syncer
VOLUME /var/lib/syncer
EXPOSE 8360
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
  CMD ["syncer", "status", "--alive"]
ENTRYPOINT ["syncer"]
CMD ["run"]
