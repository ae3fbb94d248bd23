import { describe, expect, it } from 'vitest';
import {
  type AllocationState,
  allocationMoves,
  allocationStates,
  mayMove,
} from '../../src/domain/allocation-state.ts';
import { endOutcome } from '../../src/domain/end-outcome.ts';

describe('the table of moves', () => {
  // As docs/architecture.md and the design state it.
  const designed: Readonly<Record<AllocationState, readonly AllocationState[]>> = {
    submitting: ['pending', 'claimed', 'ended'],
    pending: ['claimed', 'releasing', 'ended'],
    claimed: ['busy', 'releasing', 'ended'],
    busy: ['releasing', 'ended'],
    releasing: ['busy', 'claimed', 'ended'],
    ended: [],
  };
  it.each(allocationStates.flatMap((from) => allocationStates.map((to) => [from, to] as const)))(
    '%s → %s',
    (from, to) => {
      expect(mayMove(from, to)).toBe(designed[from].includes(to));
    },
  );

  it('leads from every live state to the end', () => {
    for (const state of allocationStates.filter((state) => state !== 'ended')) {
      expect(allocationMoves[state]).toContain('ended');
    }
  });
});

describe('endOutcome', () => {
  const row = { releaseOutcome: null, workflowJobId: null };
  it.each([
    [{ ...row, state: 'pending' }, ['COMPLETED'], 'unclaimed'],
    [{ ...row, state: 'pending' }, ['NODE_FAIL'], 'slurm:NODE_FAIL'],
    [{ ...row, state: 'claimed' }, ['COMPLETED'], 'runner-never-online'],
    [{ ...row, state: 'claimed', workflowJobId: 7 }, ['COMPLETED'], 'completed'],
    [{ ...row, state: 'busy' }, ['COMPLETED'], 'completed'],
    [{ ...row, state: 'busy' }, ['TIMEOUT'], 'slurm:TIMEOUT'],
    [{ ...row, state: 'busy' }, ['CANCELLED'], 'slurm:CANCELLED'],
    [{ ...row, state: 'releasing', releaseOutcome: 'idle' }, ['CANCELLED'], 'idle'],
    [{ ...row, state: 'releasing' }, ['COMPLETED'], 'surplus'],
  ] as const)('%j with Slurm saying %j ends as %s', (allocation, states, outcome) => {
    expect(endOutcome(allocation, states)).toBe(outcome);
  });
});
