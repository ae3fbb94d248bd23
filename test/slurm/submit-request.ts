import type { SubmitRequest } from '../../src/slurm/submit-body.ts';

let names = 0;

/** A submit whose name nobody else has. */
export function submitRequest(overrides: Partial<SubmitRequest> = {}, partition = 'ci'): SubmitRequest {
  names += 1;
  return {
    name: `gha-test-${process.pid}-${names}`,
    user: null,
    profile: { name: 'small', partition, cpus: 1, memoryMiB: 512, timeLimitMinutes: 5 },
    script: '#!/bin/bash\nsleep 60\n',
    environment: { PATH: '/usr/bin:/bin', SPACES: 'a b "c"' },
    workingDirectory: '/tmp',
    output: '/dev/null',
    timeLimitWarningSeconds: 60,
    ...overrides,
  };
}

/** One that ends by itself, at once. */
export const quickRequest = (): SubmitRequest => submitRequest({ script: '#!/bin/bash\nexit 0\n' });
