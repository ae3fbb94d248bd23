import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  maxRunnerNameLength,
  maxRunnerNamePrefixLength,
  ownerOfRunner,
  runnerName,
  slurmJobName,
} from '../../src/domain/names.ts';
import { poolOf, poolOfKey } from '../../src/domain/pool.ts';
import { newAllocationId, newInstanceId } from '../../src/store/random-id.ts';

it('runner names stay within what GitHub allows, with the longest prefix', () => {
  const prefix = 'p'.repeat(maxRunnerNamePrefixLength);
  expect(runnerName(prefix, newInstanceId(), newAllocationId(), 99).length).toBe(maxRunnerNameLength);
});

it('names carry the instance and the allocation', () => {
  expect(slurmJobName('inst', 'alloc')).toBe('gha-inst-alloc');
  expect(runnerName('gha', 'inst', 'alloc', 2)).toBe('gha-inst-alloc-2');
});

it('a runner tells whose it is, and one of nobody here does not', () => {
  const owner = { instance: newInstanceId(), allocation: newAllocationId() };
  expect(ownerOfRunner(runnerName('a-b', owner.instance, owner.allocation, 12))).toEqual(owner);
  expect(ownerOfRunner('big-machine-1')).toBeNull();
});

it('a pool key says everything about its pool', () => {
  const word = fc.stringMatching(/^[a-z0-9._-]{1,12}$/);
  fc.assert(
    fc.property(word, word, word, fc.uniqueArray(word, { minLength: 1 }), (owner, name, profile, labels) => {
      const pool = poolOf(`${owner}/${name}`, profile, labels);
      expect(poolOfKey(pool.key)).toEqual(pool);
    }),
  );
});

it('ids do not repeat', () => {
  const ids = Array.from({ length: 10_000 }, newAllocationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id) => /^[a-z2-7]{16}$/.test(id))).toBe(true);
});
