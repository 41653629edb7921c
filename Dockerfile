# The image of Controles. `make docker-build` builds it, docker-compose.yml runs it.

# `make pin-images` writes its digest into .env.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# More arguments for pip, where it cannot reach its packages by itself. They stay in this stage.
ARG PIP_OPTIONS=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv --without-pip /opt/controles
COPY requirements/runtime.txt /build/
# The packages of others first: a layer that a change of ours does not make again.
RUN python -m pip --python /opt/controles/bin/python install --quiet --require-hashes \
        ${PIP_OPTIONS} --requirement /build/runtime.txt
COPY frescor /build/frescor
COPY controles /build/controles
RUN python -m pip --python /opt/controles/bin/python install --quiet --no-deps --no-build-isolation --no-index \
        /build/frescor /build/controles

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 controles \
    && useradd --uid 10001 --gid controles --home-dir /var/lib/controles --shell /usr/sbin/nologin controles \
    && install --directory --owner controles --group controles --mode 700 /var/lib/controles /var/log/controles
COPY --from=build /opt/controles /opt/controles
COPY docker/healthcheck.py /opt/controles/healthcheck.py
ENV PATH=/opt/controles/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CONTROLES_ENV=production \
    CONTROLES_DATA=/var/lib/controles \
    LOG_DIR=/var/log/controles \
    HOST=0.0.0.0 \
    PORT=5000
WORKDIR /var/lib/controles
USER 10001:10001
EXPOSE 5000
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "/opt/controles/healthcheck.py"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["flask", "--app", "controles"]
CMD ["serve"]
