import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeLabels } from '../../src/domain/labels.ts';

const rules = { profiles: ['slurm-small', 'Slurm-GPU'], extraLabels: ['self-hosted', 'Linux'] };

describe('judgeLabels', () => {
  it('takes a job with one profile and extra labels, whatever their case, order and number', () => {
    expect(judgeLabels(['Self-Hosted', 'SLURM-small', 'linux', 'linux'], rules)).toEqual({
      kind: 'ours',
      profile: 'slurm-small',
      labels: ['linux', 'self-hosted', 'slurm-small'],
    });
    expect(judgeLabels(['slurm-gpu'], rules)).toEqual({
      kind: 'ours',
      profile: 'Slurm-GPU',
      labels: ['slurm-gpu'],
    });
  });

  it.each([[[]], [['ubuntu-latest']], [['self-hosted', 'linux']], [['slurm-smaller']]])(
    'leaves %j alone: it names no profile',
    (labels) => {
      expect(judgeLabels(labels, rules)).toEqual({ kind: 'foreign' });
    },
  );

  it('rejects two profiles, and says which', () => {
    const verdict = judgeLabels(['slurm-small', 'slurm-gpu'], rules);
    expect(verdict).toMatchObject({
      kind: 'rejected',
      reason: expect.stringContaining('slurm-small, Slurm-GPU'),
    });
  });

  it('rejects labels that nothing serves, and says what to do', () => {
    const verdict = judgeLabels(['slurm-small', 'windows', 'arm'], rules);
    expect(verdict).toMatchObject({
      kind: 'rejected',
      reason: expect.stringContaining('labels arm, windows'),
    });
    expect(verdict).toMatchObject({ reason: expect.stringContaining('runner.extraLabels') });
  });

  it('gives jobs of the same set the same labels: they share a pool', () => {
    const some = fc.shuffledSubarray(['self-hosted', 'linux', 'LINUX'], { minLength: 0 });
    fc.assert(
      fc.property(some, fc.boolean(), (extra, first) => {
        const labels = first ? ['slurm-small', ...extra] : [...extra, 'SLURM-SMALL'];
        const verdict = judgeLabels(labels, rules);
        expect(verdict).toEqual(
          judgeLabels(
            labels.toReversed().map((label) => label.toLowerCase()),
            rules,
          ),
        );
        expect(verdict.kind).toBe('ours');
      }),
    );
  });
});
