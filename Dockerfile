# syntax=docker/dockerfile:1
# One image a service: docker build --build-arg SERVICE=risk .
# SERVICE names a file of deploy/docker/requirements: pins with hashes, written by deploy/docker/pins.py.
# Base images are named by tag; give a digest in production: --build-arg PYTHON_IMAGE=python@sha256:…
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
WORKDIR /build

# The members of the workspace as wheels; what builds them never reaches the image that runs.
COPY deploy/docker/requirements/build.txt deploy/docker/requirements/
RUN pip install --require-hashes --no-deps -r deploy/docker/requirements/build.txt
COPY proto proto
COPY libs libs
COPY services services
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels ./proto ./libs/* ./services/*

# The third parties, each file checked against its hash, in an environment without pip or setuptools.
ARG SERVICE
RUN test -n "${SERVICE}" || { echo "name the image: --build-arg SERVICE=<service>" >&2; exit 1; }
COPY deploy/docker/requirements/${SERVICE}.txt deploy/docker/requirements/
RUN python -m venv --without-pip /opt/seawall \
 && pip --python /opt/seawall/bin/python install --require-hashes --no-deps --only-binary :all: \
    -r deploy/docker/requirements/${SERVICE}.txt

# Our own, from the wheels alone: a dependency that the pins lack fails here, not at start.
ARG TARGETS=seawall-${SERVICE}
RUN pip --python /opt/seawall/bin/python install --no-index --find-links /wheels ${TARGETS}
# A .pth file can run code at every start, and has carried stolen-key malware: none is expected.
RUN test -z "$(find /opt/seawall -name '*.pth' -print -quit)" \
 && python -m compileall -q /opt/seawall/lib \
 && { test ! -e /opt/seawall/bin/seawall-${SERVICE} || ln -s seawall-${SERVICE} /opt/seawall/bin/service; }

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/seawall/bin:${PATH} PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp \
    HEALTH_URL=http://127.0.0.1:8080/healthz
COPY --from=build /opt/seawall /opt/seawall
# 10001 is nobody on the host either. Everything but /data and /tmp may be read-only.
RUN mkdir /data && chown 10001:10001 /data
USER 10001:10001
WORKDIR /tmp
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# Alive, not ready: losing NATS or the database must never restart a guardian.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(os.environ['HEALTH_URL'], timeout=2)"]
ENTRYPOINT ["/opt/seawall/bin/service"]
CMD ["--config", "/etc/seawall/seawall.toml", "--http", "0.0.0.0:8080"]
