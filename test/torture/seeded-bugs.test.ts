/** The search is searched itself: bugs that must never be are put into a copy of the source, and each has to be found. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { askProcess } from './ask-process.ts';
import type { Found, Hunt } from './hunt.ts';
import { type SeededBug, seededBugs } from './seeded-bugs.ts';

const root = join(import.meta.dirname, '../..');
/** Inside of the project, so that packages are found. */
const copies = join(root, '.cache/seeded-bugs', String(process.pid));
const parts = [
  'package.json',
  'src',
  'migrations',
  'slurm/job.sh',
  'slurm/job',
  'slurm/launchers',
  'test/torture',
  'test/controller',
];
parts.push('test/simulator', 'test/support');

function seed({ name, changes }: SeededBug): string {
  const copy = join(copies, name.replaceAll(/\W+/g, '-'));
  mkdirSync(copy, { recursive: true });
  for (const part of parts) cpSync(join(root, part), join(copy, part), { recursive: true });
  for (const { file, from, to } of changes) {
    const text = readFileSync(join(copy, file), 'utf8');
    expect(text.split(from), `${file} has the place to change, once`).toHaveLength(2);
    writeFileSync(
      join(copy, file),
      text.replace(from, () => to),
    );
  }
  return copy;
}

describe('a seeded bug', () => {
  afterAll(() => rmSync(copies, { recursive: true, force: true }));

  it.each(seededBugs)('is found: $name', async (bug) => {
    const copy = seed(bug);
    const search = (order: Pick<Hunt, 'firstSeed' | 'schedules'>) =>
      askProcess<Hunt, Found>(copy, 'hunt.ts', { ...order, step: 1, shrink: false });
    const { schedules, violation } = await search({ firstSeed: 1, schedules: 3_000 });
    console.log(`${bug.name}: found by schedule ${schedules}: ${violation?.sentences[0]}`);
    expect(violation?.sentences).not.toEqual([]);
    expect(violation).not.toBeNull();
    // What a failure names is the schedule, and needs nothing of those before it.
    const again = await search({ firstSeed: violation?.seed ?? 0, schedules: 1 });
    expect(again).toMatchObject({ schedules: 1, violation: { events: violation?.events } });
  });
});
