# Serves predictions on a CPU. Nothing is written but /tmp, nobody is root, nothing is fetched.
#
#   docker build -f docker/serve.Dockerfile -t mien-serve .
#   (umask 077 && head -c 32 /dev/urandom | base64 > token)
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#       --user "$(id -u):$(id -g)" -v "$PWD/token:/run/secrets/token:ro" \
#       -p 127.0.0.1:8000:8000 mien-serve --purpose research
#
# The page: http://127.0.0.1:8000/#token= and the token's text. More in docs/service.md.

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY requirements/uv.txt requirements/serve.txt requirements/
RUN python -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements/uv.txt \
    && python -m venv --without-pip /opt/mien \
    && /opt/uv/bin/uv pip install --no-cache --python /opt/mien/bin/python --require-hashes \
        --compile-bytecode -r requirements/serve.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/uv/bin/uv pip install --no-cache --python /opt/mien/bin/python --no-deps \
        --no-build-isolation --compile-bytecode .
# The face detector's weights (MIT), fetched once, pinned by their checksum. Another address:
#   --build-arg MIEN_YUNET_URL=http://...
ARG MIEN_YUNET_URL
RUN MIEN_CACHE=/opt/mien/cache /opt/mien/bin/python -c "from mien.faces import weights; weights.find()"

FROM python:3.12-slim-bookworm
COPY --from=build /opt/mien /opt/mien
ENV PATH=/opt/mien/bin:$PATH \
    MIEN_CACHE=/opt/mien/cache \
    MIEN_OFFLINE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
# With --tls-cert this asks in vain: give another one, or none, with --health-cmd.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=3)"]
ENTRYPOINT ["mien", "serve", "--host", "0.0.0.0", "--port", "8000", "--no-link", "--token-file", "/run/secrets/token"]
# What it is for is yours to say: --purpose research|consumer|medical-or-safety
CMD []
