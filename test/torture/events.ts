/** What may happen to the world, as data: schedules of these are generated, and shrink. */
import fc from 'fast-check';
import { gitHubFailures } from '../controller/in-process-github.ts';
import { slurmFailures } from '../controller/in-process-slurm.ts';
import type { World } from './world.ts';

const slurmCalls = ['submit', 'states', 'job', 'cancel', 'cancelByName'] as const;
const gitHubCalls = ['observe', 'mint', 'deregister', 'runners'] as const;

export type WorldEvent =
  | { readonly kind: 'queue'; readonly count: number; readonly label: string }
  | { readonly kind: 'cancel' | 'thief' | 'nodeFail' | 'requeue' | 'forget' | 'lag'; readonly which: number }
  | { readonly kind: 'rerun' | 'kill' | 'start' }
  | { readonly kind: 'crashAt'; readonly point: number; readonly side: 'before' | 'after' }
  | {
      readonly kind: 'slurm';
      readonly call: (typeof slurmCalls)[number];
      readonly side: 'before' | 'after';
      readonly failure: 'timeout' | 'controllerDown' | 'refused';
      readonly times: number;
    }
  | {
      readonly kind: 'github';
      readonly call: (typeof gitHubCalls)[number];
      readonly side: 'before' | 'after';
      readonly failure: keyof typeof gitHubFailures;
      readonly times: number;
    }
  | { readonly kind: 'slots' | 'loseAnswers' | 'breakRunners' | 'steps'; readonly count: number }
  | { readonly kind: 'withhold'; readonly on: boolean };

const side = fc.constantFrom('before' as const, 'after' as const);
const which = fc.nat(9);

const event: fc.Arbitrary<WorldEvent> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('queue' as const),
      count: fc.integer({ min: 1, max: 4 }),
      label: fc.constantFrom('slurm-small', 'slurm-large'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'cancel' as const,
        'thief' as const,
        'nodeFail' as const,
        'requeue' as const,
        'forget' as const,
        'lag' as const,
      ),
      which,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('rerun' as const, 'kill' as const, 'start' as const) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('crashAt' as const), point: fc.nat(60), side }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('slurm' as const),
      call: fc.constantFrom(...slurmCalls),
      side,
      failure: fc.constantFrom('timeout' as const, 'controllerDown' as const, 'refused' as const),
      times: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('github' as const),
      call: fc.constantFrom(...gitHubCalls),
      side,
      failure: fc.constantFrom('unavailable' as const, 'refusedToken' as const, 'rateLimited' as const),
      times: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('slots' as const, 'loseAnswers' as const, 'breakRunners' as const),
      count: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('withhold' as const), on: fc.boolean() }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('steps' as const), count: fc.integer({ min: 1, max: 8 }) }),
  },
);

export const schedule: fc.Arbitrary<readonly WorldEvent[]> = fc.array(event, { minLength: 2, maxLength: 24 });

const nth = <T>(items: readonly T[], index: number): T | undefined =>
  items[index % Math.max(1, items.length)];

export async function happen(
  world: World,
  happening: WorldEvent,
  crashAt: (point: number, side: 'before' | 'after') => void,
): Promise<void> {
  const { github, slurm } = world;
  const jobs = [...github.state.jobs.values()];
  const pending = slurm.live().filter((job) => job.states[0] === 'PENDING');
  switch (happening.kind) {
    case 'queue':
      world.queue(happening.count, [happening.label]);
      break;
    case 'cancel': {
      const job = nth(
        jobs.filter(({ status }) => status !== 'completed'),
        happening.which,
      );
      if (job !== undefined) github.state.cancelJob(job);
      break;
    }
    case 'thief':
      world.stealJob();
      break;
    case 'nodeFail': {
      const job = nth(world.running(), happening.which);
      if (job !== undefined) world.failNode(job.id);
      break;
    }
    case 'requeue': {
      const job = nth(pending, happening.which);
      if (job !== undefined) job.states = ['PENDING', 'REQUEUED'];
      break;
    }
    case 'forget': {
      const job = nth(pending, happening.which);
      // slurmctld has lost it, and gives its number to the next when it was the last.
      if (job !== undefined)
        slurm.forget(job, Math.max(...slurm.jobs.keys()) === job.id ? job.id : undefined);
      break;
    }
    case 'lag': {
      const job = nth(jobs, happening.which);
      if (job !== undefined) world.lag(job, 3);
      break;
    }
    case 'rerun': {
      const run = [...github.state.runs.values()].find(
        (candidate) => github.state.statusOf(candidate) === 'completed',
      );
      if (run !== undefined) github.state.rerun(run);
      break;
    }
    case 'kill':
      world.kill();
      break;
    case 'start':
      world.start();
      break;
    case 'crashAt':
      crashAt(happening.point, happening.side);
      break;
    case 'slurm': {
      // A statement of Slurm's that nothing was made is never about a call that took effect.
      const kind = happening.failure === 'timeout' ? happening.side : 'before';
      slurm.faults.order(
        happening.call,
        { kind, error: slurmFailures[happening.failure]() },
        happening.times,
      );
      break;
    }
    case 'github': {
      const kind = happening.failure === 'unavailable' ? happening.side : 'before';
      github.faults.order(
        happening.call,
        { kind, error: gitHubFailures[happening.failure]() },
        happening.times,
      );
      break;
    }
    case 'slots':
      world.slots = happening.count;
      break;
    case 'loseAnswers':
      world.loseAnswers(happening.count);
      break;
    case 'breakRunners':
      world.breakRunners(happening.count);
      break;
    case 'withhold':
      world.withholdsJobs = happening.on;
      break;
    case 'steps':
      for (let left = happening.count; left > 0; left -= 1) await world.step();
      break;
  }
}
