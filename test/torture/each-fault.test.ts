/**
 * Every call of the two ports, with every failure that its client tells apart, on every side of its effect: one life each, in which the
 * call is made, goes wrong, and everything is served and put away in the end.
 */
import { expect, it } from 'vitest';
import { gitHubFailures } from '../controller/in-process-github.ts';
import { slurmFailures } from '../controller/in-process-slurm.ts';
import { inFolder } from './answer-order.ts';
import { gitHubCalls, happen, mayLack, slurmCalls, type WorldEvent } from './events.ts';
import { isGitHubCall } from './faults.ts';
import { World } from './world.ts';

const failures = { slurm: slurmFailures, github: gitHubFailures };

/** The sides that a failure has: one that states that nothing was made has none but the first. */
const sidesOf = ({ notCreated }: { readonly notCreated: boolean }) =>
  notCreated ? (['before'] as const) : (['before', 'after', 'late'] as const);

const faults = (['slurm', 'github'] as const).flatMap((kind) =>
  (kind === 'slurm' ? slurmCalls : gitHubCalls).flatMap((call) => [
    { kind, call, side: 'twice', failure: 'none' },
    ...(mayLack.has(call) ? [{ kind, call, side: 'partial', failure: 'none' }] : []),
    ...Object.entries(failures[kind]).flatMap(([failure, make]) =>
      sidesOf(make()).map((side) => ({ kind, call, side, failure })),
    ),
  ]),
);

const steps = (count: number): WorldEvent => ({ kind: 'steps', count });
/**
 * Every call is made in it, those that change something more than once: jobs come, go to others, and lose their nodes, a record is lost, and a backup takes the database's
 * place.
 */
const life: readonly WorldEvent[] = [
  { kind: 'queue', count: 2, label: 'slurm-small' },
  steps(1),
  { kind: 'backUp' },
  steps(8),
  // Runners that nothing is left for, and Slurm jobs that have not started.
  { kind: 'withhold', on: true },
  { kind: 'queue', count: 2, label: 'slurm-small' },
  steps(4),
  { kind: 'slots', count: 0 },
  { kind: 'queue', count: 3, label: 'slurm-large' },
  steps(2),
  ...Array.from({ length: 4 }, (): WorldEvent => ({ kind: 'thief' })),
  { kind: 'forget' },
  steps(12),
  { kind: 'withhold', on: false },
  { kind: 'slots', count: 3 },
  { kind: 'queue', count: 1, label: 'slurm-large' },
  steps(3),
  { kind: 'nodeFail', which: 0 },
  { kind: 'restore' },
  { kind: 'minutes', count: 12 },
];

/** A runner is looked up by its name: one that a restored database has never heard of. */
const unheardOf: readonly WorldEvent[] = [
  { kind: 'backUp' },
  { kind: 'withhold', on: true },
  { kind: 'queue', count: 1, label: 'slurm-small' },
  steps(3),
  { kind: 'restore' },
  { kind: 'withhold', on: false },
];

it.each(faults)('$call: $failure, $side', ({ kind, call, side, failure }) =>
  inFolder(async (files) => {
    const world = new World({ ...files, slots: 3 });
    const { state } = world.github;
    const crash = (): void => undefined;
    try {
      world.service.start();
      if (call === 'setComment') await happen(world, { kind: 'mailbox' }, crash);
      world.slurm.records = [];
      const fault = {
        kind,
        call,
        side,
        failure: failure === 'none' ? (kind === 'slurm' ? 'timeout' : 'unavailable') : failure,
        times: side === 'twice' ? 1 : 2,
      };
      // A submit that Slurm has not answered is fenced by name.
      if (call === 'cancelByName')
        world.faults.failSlurm('submit', { kind: 'before', error: slurmFailures.timeout() });
      await happen(world, fault as WorldEvent, crash);
      for (const event of call === 'runner' ? [...unheardOf, ...life] : life) {
        await happen(world, event, crash);
        await world.step();
      }
      const next = isGitHubCall(call) ? world.github.faults.next(call) : world.slurm.faults.next(call);
      expect(next, 'it went wrong').toBeUndefined();
      await world.quiet();
      expect(world.invariants.history.violations).toEqual([]);
      const conclusions = [...state.jobs.values()].map(({ conclusion }) => conclusion);
      expect(conclusions.filter((conclusion) => conclusion === 'success').length).toBeGreaterThanOrEqual(2);
      expect(conclusions).not.toContain(null);
    } finally {
      world.end();
    }
  }),
);
