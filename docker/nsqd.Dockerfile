# The image of nsqd and nsqadmin, at the version that tools/nsq/go.mod pins. Build it in the root of
# the repository:
#
#   docker build -f docker/nsqd.Dockerfile -t ferry-nsqd .
#
# It holds these programs, nsq.conf and no shell. Its queues are in /queues: mount a tmpfs there.

FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY tools/nsq/ ./
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -ldflags=-s -o /usr/local/bin/ \
        github.com/nsqio/nsq/apps/nsqd \
        github.com/nsqio/nsq/apps/nsqadmin \
        ./nsq-tend && \
    mkdir /queues

FROM scratch
COPY --from=build /usr/local/bin/nsqd /usr/local/bin/nsqd
COPY --from=build /usr/local/bin/nsqadmin /usr/local/bin/nsqadmin
COPY --from=build /usr/local/bin/nsq-tend /usr/local/bin/nsq-tend
COPY --from=build --chown=65532:65532 --chmod=700 /queues /queues
COPY nsq.conf /etc/nsq.conf
USER 65532:65532
# nsq.conf says why.
ENV GOGC=50 \
    GODEBUG=asynctimerchan=0
EXPOSE 4150 4151 4171
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/nsq-tend", "healthy", "http://127.0.0.1:4151/ping"]
ENTRYPOINT ["/usr/local/bin/nsqd"]
# In a container nsqd is reached from outside of it. Publish its ports nowhere: it has no passwords.
CMD ["-config=/etc/nsq.conf", "-data-path=/queues", "-tcp-address=0.0.0.0:4150", "-http-address=0.0.0.0:4151"]
