/** The configuration that tests of the controller start from. */
import type { ControllerConfig } from '../../src/controller/context.ts';

export const repository = 'acme/app';

const profile = { partition: 'ci', cpus: 1, memoryMiB: 512, timeLimitMinutes: 10 };

export const config: ControllerConfig = {
  repositories: [repository],
  profiles: new Map(['slurm-small', 'slurm-large'].map((name) => [name, { ...profile, name }] as const)),
  overrides: new Map(),
  limits: {
    maxAllocations: 100,
    maxPerRepository: 100,
    maxPending: Number.POSITIVE_INFINITY,
    surplusGraceMs: 30_000,
    maxAttempts: 5,
  },
  githubPollMs: 5_000,
  slurmPollMs: 5_000,
  job: {
    launch: { script: '#!/bin/bash\n', environment: {} },
    launches: new Map(),
    environment: { PATH: '/usr/bin' },
    workingDirectory: '/tmp',
    output: '/dev/null',
    handoff: { kind: 'callback', url: 'http://service:8080' },
    claimWaitMs: 900_000,
    idleTimeoutMs: 120_000,
    timeLimitWarningMs: 90_000,
  },
  runnerNamePrefix: 'gha',
  extraLabels: ['self-hosted'],
  keepMs: 30 * 86_400_000,
};
