import { join } from 'node:path';
import { expect, it } from 'vitest';
import { coverageOf, leftOut } from './coverage.ts';
import { findEffectSites, nameOf } from './effect-sites.ts';
import { findHiddenWrites } from './hidden-writes.ts';
import type { Swept } from './sweep.ts';

const root = join(import.meta.dirname, '../..');
const addition = join(root, 'src/controller/an-addition.ts');
const text = `import type { GitHubClient } from '../github/create-github-client.ts';
import type { SlurmClient } from '../slurm/create-slurm-client.ts';
import { clearPoolHealth as clear, findPoolHealth } from '../store/pool-health-rows.ts';
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

export async function askClients(slurm: SlurmClient, github: GitHubClient): Promise<void> {
  await slurm.cluster(null);
  await slurm.cancelByName('job', null);
  await github.deregister('acme/app', { id: 1, name: 'runner' });
}
`;

const disguised = `import { sql } from 'drizzle-orm';
import type { Store } from '../store/open-store.ts';
import { fences } from '../store/schema.ts';

export function read({ db }: Store, text: string): unknown[] {
  const one = db.$client.prepare('select 1 where 1 = ?');
  db.all(sql\`select 2\`);
  db.$client.prepare('delete from fences').run();
  return [one.get(text), db.select().from(fences).all()];
}

export function write({ db }: Store, text: string): void {
  db.delete(fences).returning().get();
  db.delete(fences).returning().all();
  db.all(sql\`delete from fences\`);
  db.get(text);
  db.$client.prepare('delete from fences returning 1').all();
  db.$client.prepare('with old as (select 1) delete from fences').get();
  db.$client.prepare(text).get();
}
`;

it('finds writes that look like reads, and has none', () => {
  const leftOutFiles = new Set(leftOut.keys());
  expect(findHiddenWrites({ root, leftOut: leftOutFiles })).toStrictEqual([]);
  const found = findHiddenWrites({ root, leftOut: leftOutFiles, texts: new Map([[addition, disguised]]) });
  expect(found).toStrictEqual([
    'controller/an-addition.ts:13: a write is asked for what it returns',
    'controller/an-addition.ts:14: a write is asked for what it returns',
    'controller/an-addition.ts:15: all is given a text that does not only read',
    'controller/an-addition.ts:16: nobody can see what get is given',
    'controller/an-addition.ts:17: prepare is given a text that does not only read',
    'controller/an-addition.ts:18: prepare is given a text that does not only read',
    'controller/an-addition.ts:19: nobody can see what prepare is given',
  ]);
});

it('finds each new call that has an effect, where it is, and no read', () => {
  const before = findEffectSites({ root });
  const after = findEffectSites({ root, texts: new Map([[addition, text]]) });
  const known = new Set(before.map(({ place }) => place));
  expect(before.length).toBeGreaterThan(100);
  expect(
    after.filter(({ place }) => !known.has(place)).map((site) => [site.place, nameOf(site)]),
  ).toStrictEqual([
    ['controller/an-addition.ts:8:3', 'controller/an-addition.ts act: clear'],
    ['controller/an-addition.ts:10:15', 'controller/an-addition.ts act: slurm.cancel'],
    ['controller/an-addition.ts:11:32', 'controller/an-addition.ts act: github.deregister'],
    ['controller/an-addition.ts:13:12', 'controller/an-addition.ts act: transaction'],
    ['controller/an-addition.ts:18:15', 'controller/an-addition.ts askClients: slurm.cancelByName'],
    ['controller/an-addition.ts:19:16', 'controller/an-addition.ts askClients: github.deregister'],
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
