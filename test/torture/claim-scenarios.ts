/** Claims: asked too often, by the wrong Slurm job, too early, too late. */
import { gitHubFailures } from '../controller/in-process-github.ts';
import type { Scenario } from './scenario.ts';

export const claimScenarios: readonly Scenario[] = [
  {
    name: 'a submit that arrives twice: the second Slurm job asks, too',
    slots: 2,
    async play(world, step) {
      world.faults.failSlurm('submit', { kind: 'twice' });
      world.hub.queue(1);
      await step(4);
    },
  },
  {
    name: 'a submit that arrives twice, and the first Slurm job is faster than the answer',
    slots: 2,
    async play(world, step) {
      world.faults.failSlurm('submit', {
        kind: 'twice',
        async between() {
          world.cluster.startJobs();
          await world.cluster.stepNodes();
        },
      });
      world.hub.queue(1);
      await step(4);
    },
  },
  {
    name: "a claim before the submit's answer",
    slots: 1,
    async play(world, step) {
      await step(1);
      world.faults.failSlurm('submit', {
        kind: 'slow',
        async after() {
          world.cluster.startJobs();
          await world.cluster.stepNodes();
        },
      });
      world.hub.queue(1);
      await step(4);
    },
  },
  {
    name: "a claim before the submit's answer, when nobody wants it any more",
    slots: 1,
    async play(world, step) {
      await step(1);
      world.hub.queue(1);
      // Each takes some time: what the service is shown in it is later than its intent.
      world.faults.slow({ call: 'submit', when: 'after', meanwhile: ['cancel', 'turn', 'claims'], times: 1 });
      await step(4);
    },
  },
  {
    name: 'a death over a submit that is under way, and the job starts',
    slots: 1,
    async play(world, step) {
      await step(1);
      world.faults.failSlurm('submit', {
        kind: 'slow',
        async after() {
          world.service.kill();
        },
      });
      world.hub.queue(1);
      await step(4);
    },
  },
  {
    name: 'a Slurm job that is started again before it has asked',
    slots: 1,
    async play(world, step) {
      world.cluster.slots = 0;
      world.hub.queue(1);
      await step(1);
      world.service.kill();
      world.cluster.slots = 1;
      world.cluster.startJobs();
      const [started] = world.cluster.running();
      if (started !== undefined) world.cluster.requeue(started);
      await step(4);
    },
  },
  {
    name: 'a mint that GitHub refuses, and a job that asks again',
    slots: 1,
    async play(world, step) {
      world.faults.failGitHub('mint', { kind: 'before', error: gitHubFailures.refusedToken() });
      world.hub.queue(1);
      await step(4);
    },
  },
  {
    name: 'a job that asks for its runner again and again',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.loseAnswers(4);
      await step(12);
    },
  },
  {
    name: 'a disk without room when a runner has just been minted',
    slots: 1,
    async play(world, step) {
      world.faults.failGitHub('mint', {
        kind: 'slow',
        after: () => world.service.fillDisk(['update on runners']),
      });
      world.hub.queue(1);
      await step(3);
      world.service.makeRoom();
      await step(4);
    },
  },
  {
    name: 'a job that is cancelled while the registration that it may not have is deleted',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      await step(1);
      world.faults.failGitHub('mint', { kind: 'before', error: gitHubFailures.unavailable() });
      await step(1);
      world.faults.slow({ call: 'deregister', when: 'before', meanwhile: ['cancel', 'turn'], times: 1 });
      await step(4);
    },
  },
];
