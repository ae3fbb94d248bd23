/** Runners that start, end or vanish while nobody hears of it, or hears of it late. */
import { gitHubFailures } from '../controller/in-process-github.ts';
import type { Scenario } from './scenario.ts';

export const lateScenarios: readonly Scenario[] = [
  {
    name: 'a runner that gets its job while it is deregistered',
    slots: 1,
    async play(world, step) {
      const [job] = world.hub.queue(1);
      world.faults.withholdJobs(true);
      await step(2);
      if (job !== undefined) world.github.state.cancelJob(job);
      world.faults.failGitHub('deregister', {
        kind: 'slow',
        async before() {
          world.faults.loseAnswers(1);
          world.faults.withholdJobs(false);
          world.hub.queue(1);
          await world.cluster.stepNodes();
        },
      });
      await step(12);
    },
  },
  {
    name: 'a node that dies while its runner works, and GitHub has not noticed',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      await step(3);
      const [working] = world.cluster.running();
      if (working !== undefined) world.cluster.failNode(working);
      await step(3);
    },
  },
  {
    name: 'a Slurm job that is sent back to the queue while its runner works',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      await step(3);
      const [working] = world.cluster.running();
      world.cluster.slots = 0;
      if (working !== undefined) world.cluster.requeue(working);
      await step(2);
      world.cluster.slots = 1;
      await step(2);
    },
  },
  {
    name: 'a node that dies before its runner has a job',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.withholdJobs(true);
      await step(2);
      const [idle] = world.cluster.running();
      if (idle !== undefined) world.cluster.failNode(idle);
      world.faults.withholdJobs(false);
      await step(6);
    },
  },
  {
    name: 'a node that dies before its runner has a job, and GitHub deletes the registration late',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.withholdJobs(true);
      await step(2);
      world.faults.failGitHub('deregister', { kind: 'before', error: gitHubFailures.unavailable() }, 5);
      const [idle] = world.cluster.running();
      if (idle !== undefined) world.cluster.failNode(idle);
      world.faults.withholdJobs(false);
      await step(14);
    },
  },
  {
    name: 'a registration that GitHub drops by itself, and never lets anybody delete',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.withholdJobs(true);
      await step(2);
      world.faults.failGitHub('deregister', { kind: 'before', error: gitHubFailures.unavailable() }, 20);
      const [idle] = world.cluster.running();
      if (idle !== undefined) world.cluster.failNode(idle);
      world.faults.withholdJobs(false);
      await step(6);
      const [name = ''] = world.invariants.registrations();
      const left = world.github.find(name);
      if (left !== undefined) world.github.state.removeRunner(left, 'offline for a day');
      world.service.kill();
      await step(4);
    },
  },
  {
    name: 'a node that dies when its runner has just started, which nobody has heard',
    slots: 1,
    async play(world, step) {
      const [job] = world.hub.queue(1);
      await step(2);
      world.faults.loseAnswers(1);
      if (job !== undefined) world.hub.lag(job, 20);
      await world.cluster.stepNodes();
      const [working] = world.cluster.running();
      if (working !== undefined) world.cluster.failNode(working);
      await step(8);
    },
  },
  {
    name: 'idle runners that ask whether to stop, and GitHub does not answer at first',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.withholdJobs(true);
      world.faults.failGitHub('deregister', { kind: 'before', error: gitHubFailures.unavailable() });
      await step(56);
      world.faults.withholdJobs(false);
      await step(2);
    },
  },
  {
    name: 'a start that only GitHub tells',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      await step(2);
      world.faults.loseAnswers(1);
      await step(3);
    },
  },
  {
    name: "a start that only GitHub's list of runners tells",
    slots: 1,
    async play(world, step) {
      const [job] = world.hub.queue(1);
      world.faults.troubles.workMs = 200_000;
      await step(2);
      world.faults.loseAnswers(1);
      if (job !== undefined) world.hub.lag(job, 30);
      await step(26);
    },
  },
  {
    name: 'a job that is over before GitHub shows it',
    slots: 1,
    async play(world, step) {
      const [job] = world.hub.queue(1);
      await step(2);
      world.faults.loseAnswers(3);
      if (job !== undefined) world.hub.lag(job, 10);
      await step(14);
    },
  },
  {
    name: 'a batch script that goes on when its job is over',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.linger(1);
      await step(24);
    },
  },
  {
    name: 'a mint that takes effect when nobody waits for it any more',
    slots: 1,
    async play(world, step) {
      // Late ones take effect at every third step.
      await step(1);
      world.faults.failGitHub('mint', { kind: 'late', error: gitHubFailures.unavailable() });
      world.hub.queue(1);
      await step(30);
    },
  },
];
