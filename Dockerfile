# docker build -t pare .
# docker run -p 8080:8080 pare
# With OpenTelemetry: docker build --build-arg REQUIREMENTS=requirements-telemetry.txt -t pare .
ARG PYTHON_IMAGE=python:3.12-slim-trixie


FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY scripts/system-packages.sh scripts/build-*.sh scripts/
RUN scripts/system-packages.sh build

COPY requirements-build.txt ./
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install -q --require-hashes -r requirements-build.txt \
    && export PYTHON=/opt/venv/bin/python \
    && scripts/build-mozjpeg.sh /opt/tools \
    && scripts/build-jpegli.sh /opt/tools cjpegli

# Only the programs of these two: what their packages depend on for viewers (X11, OpenGL, LLVM) is twice the image.
RUN cd "$(mktemp -d)" \
    && apt-get download -qq webp gifsicle \
    && for package in *.deb; do dpkg -x "$package" . || exit 1; done \
    && cp usr/bin/cwebp usr/bin/webpmux usr/bin/gifsicle /opt/tools/bin/

ARG REQUIREMENTS=requirements.txt
COPY ${REQUIREMENTS} ./
RUN /opt/venv/bin/python -m pip install -q --require-hashes --use-pep517 --no-build-isolation -r "${REQUIREMENTS}" \
    && /opt/venv/bin/python -m pip uninstall -q -y setuptools scikit-build-core pathspec pip

COPY . .
RUN rm -r scripts requirements*.txt \
    && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash .


FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Pare" \
    org.opencontainers.image.description="Self-hosted image optimization: the smallest file that looks the same" \
    org.opencontainers.image.licenses="MIT"

RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        pngquant libgif7 libjpeg62-turbo libtiff6 libwebpdemux2 libwebpmux3 > /dev/null \
    && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin pare \
    && install -d -o pare -g pare /data

COPY --from=build /opt/tools/bin /opt/tools/bin
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app

ENV PATH=/opt/venv/bin:/opt/tools/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8080 \
    WORKERS=1 \
    DATA_DIR=/data
# A program that lacks a library shall fail the build, not the first request.
RUN pngquant --version && gifsicle --version && cwebp -version && webpmux -version && cjpeg -version 2>&1 \
    && cjpegli -h > /dev/null

WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/ready', timeout=4)"]
CMD ["python", "main.py"]
