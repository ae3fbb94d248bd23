/** By a list or by name, whichever is fewer requests, and never many at a time. */
import { expect, it } from 'vitest';
import { createContext } from '../../src/controller/create-context.ts';
import { RunnerSearch } from '../../src/controller/runner-search.ts';
import { repository } from './controller-config.ts';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';

function searchAmong(count: number) {
  const h = new Harness();
  const names = Array.from({ length: count }, (_, index) => `runner-${index}`);
  for (const name of names) h.github.state.addRunner(repository, name, []);
  const search = new RunnerSearch(createContext(h.parts()), repository);
  const { faults } = h.github;
  const told: string[] = [];
  /** @returns whom it told of, whom nobody answered about, and the calls that it took. */
  const ask = async (asked: readonly string[]) => {
    const before = [faults.count('runners'), faults.count('runner')] as const;
    told.length = 0;
    const unanswered = await search.search(asked, (name) => void told.push(name));
    const lists = faults.count('runners') - before[0];
    const looks = faults.count('runner') - before[1];
    return { told: [...told], unanswered, lists, looks };
  };
  return { h, names, ask };
}

const unavailable = { kind: 'before', error: gitHubFailures.unavailable() } as const;

it.each([
  [100, 1, { lists: 1, looks: 0 }],
  [250, 2, { lists: 0, looks: 2 }],
  [250, 3, { lists: 1, looks: 0 }],
])(
  'of %i runners, %i that are asked about, once a list has said how many there are',
  async (all, asked, calls) => {
    const { names, ask } = searchAmong(all);
    const some = names.slice(0, asked);
    expect(await ask(some)).toMatchObject({ lists: 1, looks: 0 });
    expect(await ask(some)).toMatchObject({ ...calls, told: some });
  },
);

it('looks up twenty at a time while no list can be had, those first that have waited longest, and says that the others wait', async () => {
  const { h, names, ask } = searchAmong(50);
  h.github.faults.order('runners', unavailable, 100);
  const first = await ask(names);
  expect(first).toMatchObject({ looks: 20, told: names.slice(0, 20) });
  expect([...first.unanswered.keys()]).toEqual(names.slice(20));
  expect(first.unanswered.get('runner-20')).toBe('20 are looked up at a time. GitHub is in trouble');
  expect((await ask(names)).told).toEqual(names.slice(20, 40));
  expect((await ask(names)).told).toEqual([...names.slice(40), ...names.slice(0, 10)]);
});

it('asks no further when a look is not answered, and begins with others next time', async () => {
  const { h, names, ask } = searchAmong(3);
  h.github.faults.order('runners', unavailable, 100);
  h.github.faults.order('runner', unavailable);
  const first = await ask(names);
  expect(first).toMatchObject({ looks: 1, told: [] });
  expect([...first.unanswered.values()]).toEqual(Array(3).fill('GitHub is in trouble'));
  expect((await ask(names)).told).toEqual(['runner-1', 'runner-2', 'runner-0']);
});

it('one list that lacks it and one look that does not find it, a turn apart, are two absences', async () => {
  const { h, ask } = searchAmong(0);
  expect(await ask(['gone'])).toMatchObject({ told: [], looks: 0 });
  h.github.faults.order('runners', unavailable, 100);
  expect(await ask(['gone'])).toMatchObject({ told: ['gone'], looks: 1 });
});

it('an absence counts no more once the runner was found', async () => {
  const { h, ask } = searchAmong(1);
  h.github.faults.order('runners', { kind: 'partial' });
  expect((await ask(['runner-0'])).told).toEqual([]);
  expect((await ask(['runner-0'])).told).toEqual(['runner-0']);
  h.github.faults.order('runners', { kind: 'partial' });
  expect((await ask(['runner-0'])).told).toEqual([]);
});
