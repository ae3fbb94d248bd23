import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slurmPhase, terminalState } from '../../src/domain/slurm-job-state.ts';

describe('slurmPhase', () => {
  it.each([
    [['PENDING'], 'waiting'],
    [['PENDING', 'POWER_UP_NODE'], 'waiting'],
    [['RUNNING'], 'running'],
    [['RUNNING', 'CONFIGURING'], 'running'],
    [['RUNNING', 'STOPPED'], 'stuck'],
    [['SUSPENDED'], 'stuck'],
    [['CANCELLED', 'COMPLETING'], 'stuck'],
    [['COMPLETED', 'STAGE_OUT'], 'stuck'],
    [['COMPLETED'], 'terminal'],
    [['CANCELLED'], 'terminal'],
    [['FAILED'], 'terminal'],
    [['TIMEOUT'], 'terminal'],
    [['NODE_FAIL'], 'terminal'],
    [['PREEMPTED'], 'terminal'],
    [['BOOT_FAIL'], 'terminal'],
    [['DEADLINE'], 'terminal'],
    [['OUT_OF_MEMORY'], 'terminal'],
    [['REVOKED'], 'terminal'],
    [['PENDING', 'REQUEUED'], 'requeued'],
    [['PENDING', 'REQUEUE_HOLD'], 'requeued'],
    [['COMPLETED', 'SPECIAL_EXIT'], 'requeued'],
    [['A_WORD_OF_A_LATER_RELEASE'], 'waiting'],
    [[], 'waiting'],
  ] as const)('%j is %s', (states, phase) => {
    expect(slurmPhase(states)).toBe(phase);
  });

  it('never ends a row that has no terminal word, and never depends on the order', () => {
    const word = fc.constantFrom(
      'PENDING',
      'RUNNING',
      'COMPLETING',
      'SUSPENDED',
      'REQUEUED',
      'CONFIGURING',
      'NEW',
    );
    fc.assert(
      fc.property(fc.uniqueArray(word), (states) => {
        expect(slurmPhase(states)).not.toBe('terminal');
        expect(slurmPhase(states.toReversed())).toBe(slurmPhase(states));
      }),
    );
  });
});

it('terminalState names the terminal word, or says that it knows none', () => {
  expect(terminalState(['COMPLETING', 'NODE_FAIL'])).toBe('NODE_FAIL');
  expect(terminalState([])).toBeNull();
});
