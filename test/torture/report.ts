import Table from 'cli-table3';
import { type Coverage, leftOut } from './coverage.ts';
import type { Swept } from './sweep.ts';
import type { Tally } from './tally.ts';

type Row = readonly [string, string | number];

export const rowsOf = ({ schedules, events, faults, crashes }: Tally): readonly Row[] => [
  ['random schedules', schedules],
  ['events in them', events],
  ['faults among these', faults],
  ['crashes among these', crashes],
];

/** Of the schedules for two services. */
export const rowsOfTwo = ({ schedules, events }: Tally): readonly Row[] => [
  ['random schedules for two services', schedules],
  ['events in them', events],
];

/** The table of so many random schedules. */
export function reportOfSchedules(tally: Tally, tookMs: number, cores: number, violations: number): string {
  const table = new Table({ head: ['schedules', `on ${cores} cores`], style: { head: [], border: [] } });
  const took: readonly Row[] = [
    ['seconds', Math.round(tookMs / 1_000)],
    ['schedules a second', (tally.schedules / (tookMs / 1_000)).toFixed(1)],
    ['violations', violations],
  ];
  for (const [what, count] of [...rowsOf(tally), ...took]) table.push([what, count]);
  return table.toString();
}

/** The table of a sweep, with more rows when there is more to tell. */
export function reportOf(
  all: readonly Swept[],
  { sites, covered }: Coverage,
  { head = ['the sweep', 'tried'], rows = [] }: { head?: string[]; rows?: readonly Row[] } = {},
): string {
  const table = new Table({ head, style: { head: [], border: [] } });
  const own: readonly Row[] = [
    ['places in the source that ask for an effect', sites],
    ['of their sides, before and after: the service has died there', `${covered} of ${2 * sites}`],
    ['scenarios', all[0]?.scenarios ?? 0],
    ['effects in them (points)', all[0]?.points ?? 0],
    ['crashes at these', all.reduce((total, { crashes }) => total + crashes, 0)],
  ];
  for (const [what, count] of [...own, ...rows]) table.push([what, count]);
  const without = [...leftOut].map(([file, why]) => `Left out: src/${file}, since ${why}.`);
  return [table.toString(), ...without].join('\n');
}
