# One file for every service: SERVICE says which, and the image holds that service's dependencies and no other's.
#   docker build --build-arg SERVICE=ingress -t firebreak-ingress .
# compose.yaml builds all of them. Not built in our tests (they have no container engine); see docs/setup.md.
FROM python:3.11-slim-bookworm AS build
ARG SERVICE
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
COPY infra/uv-requirements.txt infra/uv-requirements.txt
RUN python -m venv /uv && /uv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r infra/uv-requirements.txt
COPY pyproject.toml uv.lock README.md ./
# The dependencies first: this layer stays while only the code changes.
RUN test -n "$SERVICE" && /uv/bin/uv sync --frozen --no-dev --no-install-project --extra "$SERVICE"
COPY libs libs
COPY services services
COPY infra/guest infra/guest
RUN /uv/bin/uv sync --frozen --no-dev --extra "$SERVICE"

FROM python:3.11-slim-bookworm
ARG SERVICE
# git reads repositories, for the parser and for checkouts; the other services have no use for it.
RUN case "$SERVICE" in parser|agent) \
      apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/* ;; esac
# The number is fixed, because the volume and the secrets' files are given to it.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/firebreak --shell /usr/sbin/nologin firebreak \
    && install -d -o firebreak -g firebreak -m 0750 /var/lib/firebreak
WORKDIR /app
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/var/lib/firebreak \
    FIREBREAK_HOME=/var/lib/firebreak FIREBREAK_LOG=json
USER firebreak
VOLUME /var/lib/firebreak
STOPSIGNAL SIGTERM
ENTRYPOINT ["firebreak"]
