/** What happens in a sweep: each scenario is run once for each of its points, so each is short; together they have every effect. */
import { config } from '../controller/controller-config.ts';
import { gitHubFailures } from '../controller/in-process-github.ts';
import { slurmFailures } from '../controller/in-process-slurm.ts';
import { accountingScenarios } from './accounting-scenarios.ts';
import { claimScenarios } from './claim-scenarios.ts';
import { lateScenarios } from './late-scenarios.ts';
import { mailboxScenarios } from './mailbox-scenarios.ts';
import { restScenarios } from './rest-scenarios.ts';
import type { Scenario } from './scenario.ts';

export const scenarios: readonly Scenario[] = [
  ...accountingScenarios,
  ...claimScenarios,
  ...lateScenarios,
  ...mailboxScenarios,
  ...restScenarios,
  {
    name: 'a workflow, a refusal, a submit in doubt and a lost report',
    slots: 2,
    async play(world, step) {
      world.hub.queue(3);
      await step(2);
      world.faults.failSlurm('submit', { kind: 'after', error: slurmFailures.timeout() });
      world.faults.failSlurm('cancelByName', { kind: 'after', error: slurmFailures.timeout() });
      world.faults.failSlurm('submit', { kind: 'before', error: slurmFailures.refused('QOS limit') });
      world.hub.queue(3);
      await step(2);
      world.faults.loseAnswers(1);
      await step(4);
    },
  },
  {
    name: 'surplus: pending, and claimed with an idle runner',
    slots: 1,
    async play(world, step) {
      const jobs = world.hub.queue(2);
      await step(1);
      // The runner is minted; before it takes its job, both are cancelled.
      for (const job of jobs) world.github.state.cancelJob(job);
      await step(26);
    },
  },
  {
    name: 'a job taken by another, whose runner then idles',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      await step(1);
      const thief = world.github.state.addRunner('acme/app', 'thief', ['slurm-small']);
      const stolen = thief === null ? null : world.github.state.take(thief);
      await step(30);
      if (stolen !== null) world.github.state.complete(stolen, 'success');
      await step(2);
    },
  },
  {
    name: 'a runner that is online, and gets nothing for some time',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.withholdJobs(true);
      await step(22);
      world.faults.withholdJobs(false);
      await step(2);
    },
  },
  {
    name: 'answers of GitHub that are lost, and a claim that is asked again',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.failGitHub('mint', { kind: 'after', error: gitHubFailures.unavailable() });
      world.faults.failGitHub('deregister', { kind: 'before', error: gitHubFailures.unavailable() });
      await step(3);
      world.faults.loseAnswers(1);
      await step(4);
    },
  },
  {
    name: 'a runner that never comes online',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.breakRunners(1);
      await step(80);
    },
  },
  {
    name: 'a reason that no waiting cures, a requeue, a job that Slurm forgets, a node that fails',
    slots: 2,
    async play(world, step) {
      world.hub.queue(2);
      world.cluster.slots = 0;
      await step(1);
      const [first, second] = world.cluster.pending();
      if (first !== undefined) world.cluster.spoil(first, { reason: 'PartitionTimeLimit' });
      if (second !== undefined) world.cluster.spoil(second, { states: ['PENDING', 'REQUEUED'] });
      await step(5);
      for (const job of world.cluster.pending()) job.reason = 'Resources';
      world.cluster.slots = 2;
      await step(16);
      const [running] = world.cluster.running();
      if (running !== undefined) world.cluster.failNode(running);
      world.hub.queue(1);
      world.cluster.slots = 0;
      await step(1);
      world.cluster.forgetNewest(false);
      await step(3);
    },
  },
  {
    name: 'a cancel that Slurm does not answer, and a job that GitHub forgets',
    slots: 0,
    async play(world, step) {
      const [kept, forgotten] = world.hub.queue(2);
      await step(1);
      if (kept !== undefined) world.github.state.cancelJob(kept);
      if (forgotten !== undefined) world.hub.forgetJob(forgotten);
      world.faults.failSlurm('cancel', { kind: 'before', error: slurmFailures.timeout() }, 2);
      await step(12);
    },
  },
  {
    name: 'a node that says, before its claim, that it lacks something',
    slots: 1,
    async play(world, step) {
      world.faults.lackOnNodes(1);
      world.hub.queue(1);
      await step(4);
    },
  },
  {
    name: 'a pool that is blocked, and gets well',
    slots: 1,
    async play(world, step) {
      world.faults.failSlurm('submit', { kind: 'before', error: slurmFailures.refused() }, 3);
      world.hub.queue(3);
      await step(16);
    },
  },
  {
    name: 'history that is deleted, while new jobs come',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.failSlurm('submit', { kind: 'after', error: slurmFailures.timeout() });
      await step(6);
      const [surplus] = world.hub.queue(1);
      world.cluster.slots = 0;
      await step(1);
      if (surplus !== undefined) world.github.state.cancelJob(surplus);
      await step(10);
      // The fence goes up for a day. A table a step, so that the next walk begins with what is old by then.
      world.clock.advance(25 * 3_600_000);
      await step(4);
      world.clock.advance(31 * 24 * 3_600_000);
      world.cluster.slots = 1;
      world.hub.queue(1);
      await step(6);
    },
  },
  {
    name: 'a disk without room, and a profile that is not configured for some time',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.hub.queue(1, ['slurm-large']);
      await step(1);
      world.service.fillDisk();
      await step(3);
      world.service.makeRoom();
      world.service.restartWith({
        profiles: new Map([...config.profiles].filter(([name]) => name === 'slurm-small')),
      });
      await step(2);
      world.service.restartWith({});
      await step(2);
    },
  },
  {
    name: 'a restore, with runners that the backup does not know and that have no job',
    slots: 2,
    async play(world, step) {
      await step(1);
      world.service.backUp();
      world.faults.withholdJobs(true);
      world.hub.queue(2);
      await step(2);
      const [gone] = world.cluster.running();
      if (gone !== undefined) world.cluster.failNode(gone);
      await world.service.restore();
      world.faults.withholdJobs(false);
      await step(3);
    },
  },
  {
    name: 'a database that is lost, and a backup that is compared with both sides',
    slots: 2,
    async play(world, step) {
      world.hub.queue(2);
      await step(1);
      world.service.backUp();
      // One that the backup does not know is at work, one waits, and one that it knows comes to its end.
      world.hub.queue(2);
      await step(4);
      const [stray] = world.cluster.running();
      await world.service.restore();
      if (stray !== undefined) world.cluster.failNode(stray);
      await step(3);
    },
  },
];
