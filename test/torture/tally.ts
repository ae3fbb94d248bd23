import type { WorldEvent } from './events.ts';

const faulty: ReadonlySet<WorldEvent['kind']> = new Set([
  'slurm',
  'github',
  'slow',
  'loseAnswers',
  'breakRunners',
  'linger',
  'drop',
  'slurmEnd',
  'nodeFail',
  'flagRequeued',
  'requeue',
  'forget',
  'reuse',
  'deleteRunner',
  'restore',
  'lag',
  'stopSlurm',
  'stopGitHub',
  'refuse',
  'hang',
  'unfit',
  'fillDisk',
  'cutOff',
  'setClock',
]);

const isCrash = (event: WorldEvent): boolean =>
  event.kind === 'kill' ||
  event.kind === 'crashAt' ||
  (event.kind === 'slow' && event.meanwhile.some((what) => what === 'death' || what === 'restart'));

/** What was played, counted. */
export interface Tally {
  schedules: number;
  events: number;
  faults: number;
  crashes: number;
}

export const nothingPlayed = (): Tally => ({ schedules: 0, events: 0, faults: 0, crashes: 0 });

export function count(tally: Tally, events: readonly WorldEvent[]): void {
  tally.schedules += 1;
  tally.events += events.length;
  tally.faults += events.filter(({ kind }) => faulty.has(kind)).length;
  tally.crashes += events.filter(isCrash).length;
}

export function sumOf(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (sum, tally) => ({
      schedules: sum.schedules + tally.schedules,
      events: sum.events + tally.events,
      faults: sum.faults + tally.faults,
      crashes: sum.crashes + tally.crashes,
    }),
    nothingPlayed(),
  );
}
