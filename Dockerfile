# Weir: one image for weir processor, weir api and every other command.
#   docker build -t weir:0.1.0 .
# glibc, because lmdb and the embedded ClickHouse have no builds for musl. The embedded ClickHouse is
# 540 MB, which processors and api nodes beside a ClickHouse server do not need:
#   docker build --build-arg WITH_EMBEDDED_CLICKHOUSE=yes -t weir:0.1.0-embedded .
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-bookworm-slim AS build
ARG WITH_EMBEDDED_CLICKHOUSE=no
WORKDIR /opt/weir
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
# The page is built here; what builds it is then removed.
RUN npm run build:page \
  && npm prune --omit=dev --no-audit --no-fund \
  && if [ "$WITH_EMBEDDED_CLICKHOUSE" != yes ]; then rm -rf node_modules/chdb node_modules/@chdb; fi

FROM node:${NODE_VERSION}-bookworm-slim
LABEL org.opencontainers.image.title="Weir" org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
# Named volumes take the owner of what they cover.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin weir \
  && install -d -o weir -g weir -m 0750 /var/lib/weir /run/weir \
  && install -d -o weir -g weir -m 0755 /run/weir/secrets /run/weir/prometheus /run/weir/grafana /run/weir/clickhouse
WORKDIR /opt/weir
COPY --from=build /opt/weir ./
USER 10001:10001
VOLUME /var/lib/weir
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "deploy/health.js"]
ENTRYPOINT ["node", "cli/weir.js"]
CMD ["--help"]
