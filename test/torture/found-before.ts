/** Schedules that once broke something, as they shrank. */
import type { WorldEvent } from './events.ts';

const inTrouble = { side: 'before', failure: 'unavailable', times: 1 } as const;

export const foundBefore: readonly { readonly what: string; readonly events: readonly WorldEvent[] }[] = [
  {
    what: 'a mint takes effect after GitHub has said that there is no such runner',
    events: [
      { kind: 'github', call: 'mint', side: 'late', failure: 'unavailable', times: 1 },
      { kind: 'queue', count: 1, label: 'slurm-small' },
      { kind: 'github', call: 'observe', ...inTrouble },
      { kind: 'queue', count: 1, label: 'slurm-small' },
    ],
  },
  {
    what: "a pending allocation's number is given to somebody else's job, which runs for ever",
    events: [
      { kind: 'queue', count: 1, label: 'slurm-small' },
      { kind: 'reuse' },
      { kind: 'crashAt', point: 0, side: 'before' },
      { kind: 'queue', count: 1, label: 'slurm-small' },
    ],
  },
  {
    what: 'the same, while the allocation waits for its registration',
    events: [
      { kind: 'github', call: 'mint', side: 'before', failure: 'refusedToken', times: 1 },
      { kind: 'queue', count: 1, label: 'slurm-small' },
      { kind: 'slurm', call: 'submit', side: 'before', failure: 'timeout', times: 1 },
      { kind: 'reuse' },
      { kind: 'steps', count: 1 },
      { kind: 'deleteRunner', which: 0 },
    ],
  },
  {
    what: 'the same, while its runner is online and gets nothing',
    events: [
      { kind: 'queue', count: 1, label: 'slurm-small' },
      { kind: 'withhold', on: true },
      { kind: 'reuse' },
      { kind: 'slots', count: 0 },
    ],
  },
  {
    what: 'a start that nobody confirms makes a runner surplus that is wanted',
    events: [
      { kind: 'queue', count: 2, label: 'slurm-small' },
      { kind: 'breakRunners', count: 2 },
      { kind: 'thief' },
      { kind: 'cancel', which: 2 },
      { kind: 'forget' },
      { kind: 'steps', count: 1 },
    ],
  },
  {
    what: 'a submit was under way when the backup was taken, and its job is at work when that is restored',
    events: [
      { kind: 'slurm', call: 'submit', side: 'before', failure: 'controllerDown', times: 1 },
      { kind: 'queue', count: 1, label: 'slurm-small' },
      { kind: 'backUp' },
      { kind: 'steps', count: 1 },
      { kind: 'steps', count: 1 },
      { kind: 'restore' },
    ],
  },
  {
    what: 'submits are in doubt again and again: the job says why it waits',
    events: [
      { kind: 'slurm', call: 'submit', side: 'before', failure: 'timeout', times: 3 },
      { kind: 'queue', count: 2, label: 'slurm-small' },
      { kind: 'steps', count: 1 },
      { kind: 'crashAt', point: 0, side: 'before' },
    ],
  },
  {
    what: 'a runner that was minted after the backup never comes online, and its batch script goes on',
    events: [
      { kind: 'breakRunners', count: 1 },
      { kind: 'queue', count: 1, label: 'slurm-small' },
      { kind: 'backUp' },
      { kind: 'restore' },
    ],
  },
  {
    what: 'a batch script that was told to ask again hangs, and its claim is supply for ever',
    events: [
      { kind: 'queue', count: 1, label: 'slurm-small' },
      { kind: 'github', call: 'mint', side: 'before', failure: 'refusedToken', times: 1 },
      { kind: 'hang', which: 0 },
      { kind: 'queue', count: 1, label: 'slurm-small' },
      { kind: 'thief' },
    ],
  },
  {
    what: 'a job that Slurm starts again is handed the runner that was on its way through the mailbox',
    events: [
      { kind: 'mailbox' },
      { kind: 'queue', count: 2, label: 'slurm-small' },
      { kind: 'thief' },
      { kind: 'requeue', which: 3 },
      { kind: 'cancel', which: 0 },
      { kind: 'stopSlurm', count: 1 },
    ],
  },
  {
    what: 'a listing that lacks the job of a runner that has started is taken for the word that it started none',
    events: [
      { kind: 'queue', count: 1, label: 'slurm-small' },
      { kind: 'github', call: 'observe', ...inTrouble, times: 4 },
      { kind: 'github', call: 'observe', ...inTrouble, side: 'partial' },
      { kind: 'backUp' },
      { kind: 'cancel', which: 0 },
      { kind: 'slurm', call: 'cancelByName', side: 'before', failure: 'timeout', times: 1 },
    ],
  },
];
