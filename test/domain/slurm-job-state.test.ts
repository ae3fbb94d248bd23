import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endMeaning } from '../../src/domain/slurm-ends.ts';
import { type SlurmPhase, slurmPhase, terminalState } from '../../src/domain/slurm-job-state.ts';

/** Base states, of which a job has one: what each means by itself. */
const bases = {
  PENDING: 'waiting',
  RUNNING: 'running',
  SUSPENDED: 'stuck',
  COMPLETED: 'terminal',
  CANCELLED: 'terminal',
  FAILED: 'terminal',
  TIMEOUT: 'terminal',
  NODE_FAIL: 'terminal',
  PREEMPTED: 'terminal',
  BOOT_FAIL: 'terminal',
  DEADLINE: 'terminal',
  OUT_OF_MEMORY: 'terminal',
} as const satisfies Record<string, SlurmPhase>;

/** Flags: what each makes of a job that waits, of one that runs, and of one that is over. */
const flags: Readonly<Record<string, readonly [waits: SlurmPhase, runs: SlurmPhase, over: SlurmPhase]>> = {
  CONFIGURING: ['waiting', 'running', 'terminal'],
  POWER_UP_NODE: ['waiting', 'running', 'terminal'],
  SIGNALING: ['waiting', 'running', 'terminal'],
  RESIZING: ['waiting', 'running', 'terminal'],
  EXPEDITING: ['waiting', 'running', 'terminal'],
  COMPLETING: ['stuck', 'stuck', 'stuck'],
  STAGE_OUT: ['stuck', 'stuck', 'stuck'],
  STOPPED: ['stuck', 'stuck', 'stuck'],
  RESV_DEL_HOLD: ['stuck', 'stuck', 'stuck'],
  REQUEUED: ['requeued', 'requeued', 'requeued'],
  REQUEUE_HOLD: ['requeued', 'requeued', 'requeued'],
  REQUEUE_FED: ['requeued', 'requeued', 'requeued'],
  SPECIAL_EXIT: ['requeued', 'requeued', 'requeued'],
  LAUNCH_FAILED: ['requeued', 'running', 'terminal'],
  RECONFIG_FAIL: ['requeued', 'running', 'terminal'],
  REVOKED: ['stuck', 'stuck', 'terminal'],
};

const openapi = join(import.meta.dirname, '../../openapi');

/** Every list of state words in a description, wherever it stands. */
function stateWords(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const own = 'enum' in node && Array.isArray(node.enum) ? node.enum.map(String) : [];
  return [...(own.includes('NODE_FAIL') ? own : []), ...Object.values(node).flatMap(stateWords)];
}

describe('the state words', () => {
  it.each(readdirSync(openapi).filter((name) => name.endsWith('.json')))(
    'of %s are all known here',
    (name) => {
      const words = new Set(stateWords(JSON.parse(readFileSync(join(openapi, name), 'utf8'))));
      expect(words.size).toBeGreaterThan(20);
      for (const word of words) expect({ ...bases, ...flags }).toHaveProperty([word]);
    },
  );
});

describe('slurmPhase', () => {
  it.each(Object.entries(bases))('%s is %s', (base, phase) => {
    expect(slurmPhase([base])).toBe(phase);
    expect(terminalState([base])).toBe(phase === 'terminal' ? base : null);
  });

  describe.each(Object.entries(flags))('%s', (flag, [waits, runs, over]) => {
    it.each(Object.entries(bases))('beside %s', (base, alone) => {
      const suspended = runs === 'requeued' ? runs : 'stuck';
      const expected = { waiting: waits, running: runs, terminal: over, stuck: suspended };
      for (const states of [
        [base, flag],
        [flag, base],
      ]) {
        expect(slurmPhase(states)).toBe(expected[alone]);
        expect(terminalState(states)).toBe(terminalState([base]));
      }
    });

    it('ends nothing by itself', () => {
      expect(slurmPhase([flag])).not.toBe('terminal');
      expect(terminalState([flag])).toBeNull();
    });
  });

  it('takes words of a later release, or none, for a job that waits', () => {
    expect(slurmPhase(['A_WORD_OF_A_LATER_RELEASE'])).toBe('waiting');
    expect(slurmPhase([])).toBe('waiting');
  });

  it('never ends a row that has no terminal base, and never depends on the order', () => {
    const word = fc.constantFrom('PENDING', 'RUNNING', 'SUSPENDED', 'NEW', ...Object.keys(flags));
    fc.assert(
      fc.property(fc.uniqueArray(word), (states) => {
        expect(slurmPhase(states)).not.toBe('terminal');
        expect(slurmPhase(states.toReversed())).toBe(slurmPhase(states));
      }),
    );
  });
});

describe('endMeaning', () => {
  it('is that of a flag, where there is one: it says more than the end does', () => {
    expect(endMeaning(['FAILED'])).toContain('its batch script failed');
    expect(endMeaning(['FAILED', 'LAUNCH_FAILED'])).toContain('could not be started on its node');
    expect(endMeaning(['RECONFIG_FAIL', 'NODE_FAIL'])).toContain('could not be reconfigured');
    expect(endMeaning(['CANCELLED', 'REVOKED'])).toContain('another cluster of the federation');
  });

  it('is none of a job that goes on', () => {
    expect(endMeaning(['RUNNING', 'CONFIGURING'])).toBeNull();
    expect(endMeaning([])).toBeNull();
  });
});
