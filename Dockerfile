# The dispatcher, and the simulated shuttles and riders, in one image.
#
#   docker build -t ringmaster .
#   docker run -v ./deploy/ringmaster.toml:/etc/ringmaster.toml:ro ringmaster

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/ringmaster
WORKDIR /src
# Dependencies first: they change seldom, so their layer is seldom built anew.
COPY deploy/requirements.lock ./
RUN /opt/ringmaster/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY dispatcher ./dispatcher
COPY vehicles ./vehicles
COPY simulator ./simulator
RUN /opt/ringmaster/bin/pip install --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin ringmaster \
    && install -d -o ringmaster -g ringmaster /var/cache/ringmaster
COPY --from=build /opt/ringmaster /opt/ringmaster
# Numba keeps the compiled kernels there; the installed package itself is read-only.
ENV PATH=/opt/ringmaster/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/cache/ringmaster
USER ringmaster
WORKDIR /var/cache/ringmaster
EXPOSE 8080 9464
# The first start compiles the kernels, hence the long start period.
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9464/healthz', timeout=4)"]
ENTRYPOINT ["ringmaster"]
CMD ["serve", "--config", "/etc/ringmaster.toml"]
