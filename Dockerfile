# The host with every connector of this repository; runs as an account without rights.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md ./
COPY syncer syncer
COPY connectors connectors
RUN python -m venv /opt/syncer \
 && /opt/syncer/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && for each in . connectors/*/; do \
      /opt/syncer/bin/pip install --no-cache-dir --no-deps --no-build-isolation --no-index "./$each" \
      || exit 1; \
    done

FROM python:3.12-slim
RUN useradd --system --uid 8360 --home-dir /var/lib/syncer --create-home syncer \
 && chmod 0700 /var/lib/syncer
COPY --from=build /opt/syncer /opt/syncer
ENV PATH=/opt/syncer/bin:$PATH PYTHONUNBUFFERED=1
USER syncer
VOLUME /var/lib/syncer
EXPOSE 8360
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('SYNCER_SERVER__PORT', '8360') + '/healthz', timeout=4)"]
# The configuration is mounted at /etc/syncer/config.toml, the root key as a secret. The port is
# published by the operator; SYNCER_SERVER__ALLOWED_HOSTS names the hosts under which it is called.
ENV SYNCER_SERVER__HOST=0.0.0.0
ENTRYPOINT ["syncer"]
CMD ["run"]
