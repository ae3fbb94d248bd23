/** Nodes that don't reach the service: their claims go through the comments of their Slurm jobs. */
import { config } from '../controller/controller-config.ts';
import { slurmFailures } from '../controller/in-process-slurm.ts';
import type { Scenario } from './scenario.ts';

const secret = 'a secret of the service, 32 characters at least';
export const inMailboxes = { job: { ...config.job, handoff: { kind: 'mailbox', secret } } } as const;

export const mailboxScenarios: readonly Scenario[] = [
  {
    name: 'claims through the mailbox',
    slots: 2,
    async play(world, step) {
      world.service.restartWith(inMailboxes);
      world.hub.queue(2);
      await step(8);
    },
  },
  {
    name: 'an answer through the mailbox that is lost, and one that Slurm does not take',
    slots: 1,
    async play(world, step) {
      world.service.restartWith(inMailboxes);
      world.faults.failSlurm('setComment', { kind: 'after', error: slurmFailures.timeout() });
      world.hub.queue(1);
      await step(4);
      world.faults.failSlurm('setComment', { kind: 'before', error: slurmFailures.timeout() });
      await step(12);
    },
  },
];
