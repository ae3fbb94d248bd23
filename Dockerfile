# Two images from one file:
#   docker build --tag gha-slurm .                                    the service
#   docker build --target development --tag gha-slurm-development .   a real Slurm and the simulated GitHub, for docker-compose.yml
#
# The base has Debian, Node 24 and npm. A site's own is given with --build-arg BASE=…
ARG BASE=docker.io/library/node:24-trixie-slim

FROM ${BASE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# Both secrets are for sites that need them: how the registry is reached, and a certificate authority of their own (PEM).
# Nothing of them stays in the image.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    NODE_EXTRA_CA_CERTS=/run/secrets/ca npm ci --omit=dev --no-audit --no-fund --loglevel=error

FROM ${BASE} AS development
WORKDIR /app
# What slurm/cluster makes the root file system of Slurm with.
RUN apt-get update --quiet=2 && \
    apt-get install --quiet=2 --yes --no-install-recommends mmdebstrap mount > /dev/null && \
    rm -rf /var/lib/apt/lists/*
COPY package.json ./
COPY src/domain src/domain
COPY slurm/cluster slurm/cluster
COPY test/simulator test/simulator

FROM ${BASE}
LABEL org.opencontainers.image.title="gha-slurm" \
      org.opencontainers.image.description="Runs GitHub Actions workflow jobs on a Slurm cluster" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/app/.compile-cache \
    GHA_SLURM_CONFIG=/etc/gha-slurm/config.yaml
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY migrations migrations
# What the further fields of profiles are held to.
COPY openapi/*.json openapi/
COPY slurm/job.sh slurm/job.sh
COPY slurm/job slurm/job
COPY slurm/launchers slurm/launchers
COPY src src
RUN mkdir /data .compile-cache && chown 10001:10001 /data .compile-cache
# A number, so that an orchestrator can tell that it is not root.
USER 10001:10001
# The cache of compiled code is per user; the root file system is read-only later on.
RUN node src/cli/main.js --help > /dev/null
VOLUME /data
EXPOSE 8080 9090
ENTRYPOINT ["node", "--max-semi-space-size=4", "src/cli/main.js"]
CMD ["serve"]
