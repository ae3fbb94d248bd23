import { expect, it } from 'vitest';
import { hopelessReason } from '../../src/domain/pending-reason.ts';

it('of a partition that does not allow the job blames neither the account nor the group alone', () => {
  expect(hopelessReason('AccountNotAllowed')).toMatch(/account.*groups/);
  expect(hopelessReason('AccountNotAllowed')).not.toContain("profile's account");
});

it('knows the limits of a partition that no waiting cures', () => {
  expect(hopelessReason('MaxMemPerLimit')).toContain('memory');
  // As of MinNodes=2: a job has one node, always.
  expect(hopelessReason('PartitionNodeLimit')).toContain('one node');
});

it('waits for what passes', () => {
  expect(hopelessReason('Resources')).toBeNull();
});
