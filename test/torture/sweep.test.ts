import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { gitHubCalls, slurmCalls } from './events.ts';
import { memory } from './memory.ts';
import { scenarios } from './scenarios.ts';
import { crashAt, type Files, findPoints, type Point } from './sweep.ts';

const src = join(import.meta.dirname, '../../src');
const sides = ['before', 'after'] as const;

/** The same effect again and again, in polls that have nothing to do, is one: the first few of each name, and the last. */
function telling(points: readonly Point[]): Point[] {
  return [...Map.groupBy(points, (point) => point.name).values()].flatMap((same) => [
    ...same.slice(0, 5),
    ...same.slice(5).slice(-1),
  ]);
}

describe('a crash at every effect', () => {
  let files: Files;
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(memory, 'gha-slurm-sweep-'));
    files = { template: join(folder, 'template.sqlite'), databaseFile: join(folder, 'world.sqlite') };
    migrateDatabase(files.template, 0);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has every call and every write of the service in one of its scenarios', async () => {
    const calls = new Set<string>();
    const writers = new Set<string>();
    for (const scenario of scenarios) {
      const found = await findPoints(scenario, files);
      expect(found.violations, scenario.name).toEqual([]);
      for (const { name } of found.points) calls.add(name);
      for (const name of found.writers) writers.add(name);
    }
    const ports = [
      ...slurmCalls.map((name) => `slurm.${name}`),
      ...gitHubCalls.map((name) => `github.${name}`),
    ];
    expect(ports.filter((name) => !calls.has(name))).toEqual([]);
    const transactions = readdirSync(join(src, 'controller')).filter((file) =>
      readFileSync(join(src, 'controller', file), 'utf8').includes('store.db.transaction('),
    );
    const points = transactions.map((file) => `commit in controller/${file.replace(/\.ts$/, '')}`);
    expect(points.filter((name) => !calls.has(name) && !writers.has(name))).toEqual([]);
    const functions = readdirSync(join(src, 'store'))
      .filter((file) => /-rows\.ts$|^move-/.test(file))
      .flatMap((file) =>
        readFileSync(join(src, 'store', file), 'utf8')
          .split('\nexport function ')
          .slice(1),
      )
      .filter((text) => /\.run\(/.test(text))
      .map((text) => /^\w+/.exec(text)?.[0] ?? '');
    expect(functions.filter((name) => !writers.has(name))).toEqual([]);
  });

  it.each(scenarios)('$name', async (scenario) => {
    const { points } = await findPoints(scenario, files);
    const failures: string[] = [];
    for (const point of telling(points)) {
      for (const side of sides) {
        const violations = await crashAt(scenario, files, point, side);
        if (violations.length > 0)
          failures.push(`${side} ${point.name} (${point.index}): ${violations.join('; ')}`);
      }
    }
    expect(failures).toEqual([]);
  });
});
