import { describe, expect, it } from 'vitest';
import { allocationMoves, allocationStates, mayMove } from '../../src/domain/allocation-state.ts';
import { endOutcome } from '../../src/domain/end-outcome.ts';

// That the table is the documented one is held by the test of the docs.
describe('the table of moves', () => {
  it('leads from every live state to the end', () => {
    for (const state of allocationStates.filter((state) => state !== 'ended')) {
      expect(allocationMoves[state]).toContain('ended');
    }
  });
});

it('mayMove says what the table says', () => {
  expect(mayMove('releasing', 'busy')).toBe(true);
  expect(mayMove('busy', 'claimed')).toBe(false);
  expect(mayMove('ended', 'submitting')).toBe(false);
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
