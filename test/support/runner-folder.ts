import { join } from 'node:path';

/** The simulated runner, where a node has its runner installed. */
export const runnerBind = {
  from: join(import.meta.dirname, '../simulator/runner'),
  to: '/opt/actions-runner',
} as const;
