/** The search is searched itself: bugs that must never be are put into a copy of the source, and each has to be found. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { askProcess } from './ask-process.ts';
import type { Found, Hunt } from './hunt.ts';
import { type SeededBug, seededBugs } from './seeded-bugs.ts';

const root = join(import.meta.dirname, '../..');
/** Seeds of which one has to find it, from 1 on. */
const most = 3_000;
/** Each takes a minute at most on two cores of its own; what else runs there goes first. */
const timeLimitMs = 15 * 60_000;
/** A change that only throws is no bug of the kind that its name says. */
const anInvariant = /^(?!a defect: |it ended with )/;
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

  it.concurrent.each(seededBugs)(
    'is found: $name',
    async (bug) => {
      const copy = seed(bug);
      const search = (where: string, order: Pick<Hunt, 'firstSeed' | 'schedules'>) =>
        askProcess<Hunt, Found>(where, 'hunt.ts', {
          ...order,
          step: 1,
          shrink: false,
          kinds: bug.kinds,
          // Where it holds without the bug, it holds in all.
          like: where === root ? undefined : (bug.sentence ?? anInvariant),
        });
      let firstSeed = 1;
      let { violation } = await search(copy, { firstSeed, schedules: most });
      // What the source breaks without the bug says nothing about the bug.
      while (violation !== null) {
        const without = await search(root, { firstSeed: violation.seed, schedules: 1 });
        if (without.violation === null) break;
        firstSeed = violation.seed + 1;
        ({ violation } = await search(copy, { firstSeed, schedules: most - violation.seed }));
      }
      console.log(`${bug.name}: found by schedule ${violation?.seed}: ${violation?.sentences.join('; ')}`);
      expect(violation).not.toBeNull();
      // What a failure names is the schedule, and needs nothing of those before it.
      const again = await search(copy, { firstSeed: violation?.seed ?? 0, schedules: 1 });
      expect(again).toMatchObject({ schedules: 1, violation: { events: violation?.events } });
    },
    timeLimitMs,
  );
});
