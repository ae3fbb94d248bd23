/** Further fields of a profile, against Slurm's own description of each version. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { extraFaults } from '../../src/slurm/check-extra.ts';

const versions = readdirSync(join(import.meta.dirname, '../../openapi'))
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.replace('.json', ''));

describe.each(versions)('%s', (version) => {
  it('takes fields that it knows, of the right type', async () => {
    const extra = {
      wckey: 'ci',
      mail_user: 'ci@example.org',
      mail_type: ['FAIL'],
      priority: { set: true, infinite: false, number: 7 },
      prefer: 'fast',
      deadline: 1_900_000_000,
    };
    expect(await extraFaults(version, extra)).toEqual([]);
  });

  it('names what it does not know, and what has another type', async () => {
    expect(await extraFaults(version, { mail_typ: ['FAIL'] })).toEqual(['mail_typ is not known']);
    expect(await extraFaults(version, { wckey: 5 })).toEqual(['wckey must be string']);
    expect(await extraFaults(version, { priority: { numbr: 7 } })).toEqual(['priority/numbr is not known']);
    expect(await extraFaults(version, { mail_type: ['SOMETIMES'] })).toEqual([
      expect.stringMatching(/^mail_type\/0 must be equal to one of the allowed values \(BEGIN, END, /),
    ]);
  });
});

it('a field may be known by one version and not by another', async () => {
  expect(await extraFaults('v0.0.41', { oversubscribe: true })).toEqual([]);
  expect(await extraFaults('v0.0.42', { oversubscribe: true })).toEqual(['oversubscribe is not known']);
});
