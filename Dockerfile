# The image: one layer, from scratch, below 18 MB. `docker build .` needs nothing else; no processor is named, so it builds for a
# Raspberry Pi as well. Debian's packages are the newest of its stable release, each checked against the archive's signature;
# Python's packages are pinned by hash in .image/requirements.txt. What is inside is listed in /usr/share/sbom/radiostream.cdx.json.

# The interpreter, out of Debian's source. Rebuilt only when one of the three files changes.
FROM debian:bookworm-slim AS python
ENV DEBIAN_FRONTEND=noninteractive
RUN find /etc/apt -name '*.sources' -exec sed -i 's/^Types: deb$/Types: deb deb-src/' {} + \
 && find /etc/apt -name sources.list -exec sed -i 'p; s/^deb /deb-src /' {} + \
 && apt-get update \
 && apt-get install -y --no-install-recommends \
    binutils busybox dpkg-dev gcc libc6-dev libssl-dev make openssl pkgconf python3 python3-pip tzdata xz-utils \
    zlib1g-dev
WORKDIR /src
RUN apt-get source --only-source python3.11
COPY .image/build-python.sh .image/python-modules .image/train.py /build/
RUN sh /build/build-python.sh /src/python3.11-*/

# The root file system, composed and tried out.
FROM python AS root
COPY .image/requirements.txt /build/
RUN /usr/bin/python3 -m pip install --no-cache-dir --no-compile --no-deps --require-hashes --target /site -r /build/requirements.txt
COPY . /source
RUN /usr/local/bin/python3 /source/.image/compose.py /rootfs /site /source \
 && CERTIFICATE="$(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout - 2>/dev/null)" \
    PYTHONPATH=/app SSL_CERT_FILE=/etc/ssl/cert.pem PYTHONTZPATH=/usr/share/zoneinfo PYTHONDONTWRITEBYTECODE=1 \
    chroot /rootfs /usr/local/bin/python3 - </source/.image/smoke.py

FROM scratch
COPY --from=root /rootfs /
# Labels only: where the source is kept, and which commit this is. `make image` knows both; neither is needed.
ARG SOURCE=""
ARG REVISION=""
ENV PATH=/usr/local/bin:/bin \
    PYTHONPATH=/app \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SSL_CERT_FILE=/etc/ssl/cert.pem \
    PYTHONTZPATH=/usr/share/zoneinfo \
    HOME=/var/lib/radiostream
LABEL org.opencontainers.image.title="radiostream" \
      org.opencontainers.image.description="A radio server in one small Python process: directories become synchronised stations" \
      org.opencontainers.image.version="1.0.0" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.base.name="scratch" \
      radiostream.contains="radiostream, Python 3.11 (Debian), OpenSSL, zlib, glibc, libgcc, busybox, mutagen, prometheus-client, sentry-sdk, urllib3, certifi, tzdata" \
      radiostream.sbom="/usr/share/sbom/radiostream.cdx.json"
WORKDIR /app
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s \
  CMD ["python3", "-m", "radiostream", "health"]
ENTRYPOINT ["/entrypoint.sh"]
