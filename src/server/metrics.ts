/** The counters and gauges that the loop has anyway, for Prometheus. Gauges are read when scraped. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type CounterName, counterNames } from '../controller/context.ts';
import type { Controller } from '../controller/create-controller.ts';
import type { GitHubPort } from '../controller/ports.ts';

const help: Readonly<Record<CounterName, string>> = {
  submits: 'Submits sent to Slurm, sent again included',
  submits_refused: 'Allocations that ended because Slurm refused their submit',
  submits_lost: 'Submits in doubt, fenced by name',
  claims_granted: 'Claims for which a runner was asked for',
  claims_refused: 'Claims answered with 401, 409 or 410',
  mints_failed: 'Runners that GitHub did not give, or whose answer was lost',
  releases: 'Allocations released because no queued job was left',
  fences: 'Fences sent to Slurm',
  cancels: 'Cancels sent to Slurm',
  github_observations_failed: 'Looks at a repository that failed',
  slurm_observations_failed: 'Looks at Slurm that failed',
  accounting_failed: "Questions to Slurm's accounting that failed; none where there is no accounting",
};

export interface Metrics {
  readonly registry: Registry;
  readonly count: (name: CounterName) => void;
  /** Adds the gauges, once there is something to read. */
  watch(controller: Controller, github: Pick<GitHubPort, 'rateLimit'>): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = new Map(
    counterNames.map((name) => [
      name,
      new Counter({ name: `gha_slurm_${name}_total`, help: help[name], registers: [registry] }),
    ]),
  );
  return {
    registry,
    count: (name) => counters.get(name)?.inc(),
    watch: (controller, github) => addGauges(registry, controller, github),
  };
}

function addGauges(registry: Registry, controller: Controller, github: Pick<GitHubPort, 'rateLimit'>): void {
  const labelNames = ['scope', 'profile', 'labels', 'state'] as const;
  new Gauge({
    name: 'gha_slurm_pool',
    help: 'Jobs (queued, of these resting, running) and allocations (submitting, pending, claimed, busy) of each pool',
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const pool of controller.pools()) {
        const labels = { scope: pool.scope, profile: pool.profile, labels: pool.labels.join(',') };
        for (const state of [
          'queued',
          'running',
          'submitting',
          'pending',
          'claimed',
          'busy',
          'resting',
        ] as const) {
          this.set({ ...labels, state }, pool[state]);
        }
        this.set({ ...labels, state: 'blocked' }, pool.blocked === undefined ? 0 : 1);
      }
    },
  });
  new Gauge({
    name: 'gha_slurm_ready',
    help: '1 when GitHub and Slurm answered when last looked at',
    registers: [registry],
    collect() {
      this.set(controller.readiness().ready ? 1 : 0);
    },
  });
  new Gauge({
    name: 'gha_slurm_github_rate_limit_remaining',
    help: 'Points left of the primary rate limit, as GitHub last said',
    registers: [registry],
    collect() {
      const limit = github.rateLimit();
      if (limit !== null) this.set(limit.remaining);
    },
  });
}
