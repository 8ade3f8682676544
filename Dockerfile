# Tollgate as one static binary in an otherwise empty image.
#
#   docker build -t tollgate .
#   docker run --rm -p 8080:8080 -e OPENAI_API_KEY -e TOLLGATE_MASTER_KEY tollgate
#
# The operator's listener stays on the container's own loopback unless TOLLGATE_ADMIN_LISTEN says
# 0.0.0.0:9090.

FROM rust:1-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils ca-certificates cmake make musl-tools \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
# The binary goes to one place whatever the processor; the folder for its state is made here, since
# an empty image cannot.
RUN binary=$(scripts/build-static.sh) \
    && install -D "$binary" /image/usr/bin/tollgate \
    && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
    && install -d -o 65532 -g 65532 /image/var/lib/tollgate

FROM scratch
COPY --from=build /image/ /
USER 65532:65532
ENV TOLLGATE_DATA_DIR=/var/lib/tollgate
EXPOSE 8080 9090
VOLUME /var/lib/tollgate
ENTRYPOINT ["/usr/bin/tollgate"]
