/** The stand-in of the fault sweeps is held to what real Slurm is held to; its faults are ordered as the sweeps order them. */
import { describe, it } from 'vitest';
import { InProcessSlurm, slurmFailures } from '../controller/in-process-slurm.ts';
import { type FaultySlurm, slurmContract, slurmFaults } from './contract.ts';

const callNames = ['submit', 'states', 'job', 'cancel', 'cancelByName'] as const;
const forEver = 1_000;

function standIn(): FaultySlurm {
  const slurm = new InProcessSlurm();
  slurm.partitions = new Set(['ci', 'gpu']);
  const jobOf = (id: number) => {
    const job = slurm.jobs.get(id);
    if (job === undefined) throw new Error(`There is no job ${id}.`);
    return job;
  };
  const order = (kind: 'late' | 'before', error: () => Error): void => {
    for (const name of callNames) slurm.faults.order(name, { kind, error: error() }, forEver);
  };
  return {
    slurm,
    started: async (id) => slurm.start(jobOf(id)),
    completed: async (id) => slurm.end(jobOf(id)),
    suspend: async () => order('late', slurmFailures.timeout),
    async resume() {
      slurm.faults.clear();
      slurm.faults.settle();
    },
    stopController: async () => order('before', slurmFailures.controllerDown),
    startController: async () => slurm.faults.clear(),
  };
}

slurmContract('the stand-in', async () => standIn());

describe('contract: the stand-in in trouble', () => {
  it.each(Object.entries(slurmFaults))('%s', (_what, fault) => fault(standIn()));
});
