import { join } from 'node:path';
import { expect, it } from 'vitest';
import { coverageOf } from './coverage.ts';
import { findEffectSites, nameOf } from './effect-sites.ts';
import type { Swept } from './sweep.ts';

const root = join(import.meta.dirname, '../..');
const addition = join(root, 'src/controller/an-addition.ts');
const text = `import { clearPoolHealth as clear, findPoolHealth } from '../store/pool-health-rows.ts';
import type { Context } from './context.ts';

export async function act({ store, slurm, github }: Context): Promise<void> {
  findPoolHealth(store.db, 'a read');
  clear(store.db, 'a write by another name');
  await slurm.states([]);
  await slurm.cancel({ id: 1, name: 'job', user: null });
  const outcome = () => github.deregister('acme/app', { id: 1, name: 'runner' });
  await outcome();
  store.db.transaction(() => undefined);
}
`;

it('finds each new call that has an effect, where it is, and no read', () => {
  const before = findEffectSites({ root });
  const after = findEffectSites({ root, texts: new Map([[addition, text]]) });
  const known = new Set(before.map(({ place }) => place));
  expect(before.length).toBeGreaterThan(100);
  expect(
    after.filter(({ place }) => !known.has(place)).map((site) => [site.place, nameOf(site)]),
  ).toStrictEqual([
    ['controller/an-addition.ts:6:3', 'controller/an-addition.ts act: clear'],
    ['controller/an-addition.ts:8:15', 'controller/an-addition.ts act: slurm.cancel'],
    ['controller/an-addition.ts:9:32', 'controller/an-addition.ts act: github.deregister'],
    ['controller/an-addition.ts:11:12', 'controller/an-addition.ts act: transaction'],
  ]);
});

it('says which sides of which places nobody has died at, and which effects have no place', () => {
  const [one, other] = findEffectSites({ root });
  if (one === undefined || other === undefined) throw new Error('the source has no effects');
  const swept = (before: string[], after: string[], places: string[]): Swept => ({
    scenarios: 1,
    points: 1,
    crashes: 1,
    died: { before: new Set(before), after: new Set(after) },
    placesOfPoints: [places],
    violations: [],
  });
  const all = [swept([one.place], [], [one.place]), swept([other.place], [other.place], ['main.ts:1:1'])];
  expect(coverageOf([one, other], all)).toStrictEqual({
    sites: 2,
    covered: 3,
    missing: [`after ${nameOf(one)} (${one.place})`],
    unknown: ['main.ts:1:1'],
  });
});
