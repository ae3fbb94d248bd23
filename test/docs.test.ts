/** Docs and code agree, as far as that can be compared. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../src/config/load-config.ts';
import { configSchema } from '../src/config/schema.ts';
import { allocationMoves } from '../src/domain/allocation-state.ts';
import { nodeFlags } from './support/service-process.ts';
import { temporaryFolder } from './support/temporary-folder.ts';
import { reportOf, reportOfSchedules, rowsOf, rowsOfTwo } from './torture/report.ts';
import { nothingPlayed } from './torture/tally.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);

it('the program is started with the same flags, whichever way', () => {
  const { scripts: lines } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  expect(nodeFlags).toHaveLength(1);
  const start = ['node', ...nodeFlags, 'src/cli/main.js'];
  expect([lines['start'], lines['migrate']]).toEqual([
    `${start.join(' ')} serve`,
    `${start.join(' ')} migrate`,
  ]);
  expect(read('Dockerfile')).toContain(`ENTRYPOINT [${start.map((word) => `"${word}"`).join(', ')}]`);
});

describe('README', () => {
  it('has a configuration that works', () => {
    const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(read('README.md')) ?? [];
    const file = join(temporaryFolder(), 'config.yaml');
    writeFileSync(file, yaml);
    const { config } = loadConfig(file, { GITHUB_TOKEN: 't', SLURM_JWT: 't' });
    expect(config.github.repositories).toEqual(['acme/app']);
    expect([...config.profiles.keys()]).toEqual(['slurm-small', 'slurm-large']);
  });

  it('names endpoints that are there', () => {
    const served = ['claim-routes', 'health-routes', 'admin-routes']
      .map((name) => read(`src/server/${name}.ts`))
      .join();
    for (const [, path = ''] of read('README.md').matchAll(/`(\/(?:healthz|readyz|metrics|api\/\w+))`/g)) {
      expect(served).toContain(`'${path}'`);
    }
  });

  it('quotes the tables of torture, row for row', () => {
    const [swept = ''] = reportOf(
      [],
      { sites: 0, covered: 0, missing: [], unknown: [] },
      { rows: [...rowsOf(nothingPlayed()), ...rowsOfTwo(nothingPlayed())] },
    ).split('\nLeft out');
    const played = reportOfSchedules(nothingPlayed(), 1_000, 2, 0);
    const text = read('README.md');
    const quoted = (head: string): string[] => {
      const rows = text.slice(text.indexOf(`| ${head} |`)).split('\n\n', 1)[0] ?? '';
      return [...rows.matchAll(/^\| ([^|]+) \|/gm)].map(([, first = '']) => first);
    };
    const printed = (table: string): string[] =>
      [...table.matchAll(/^│ ([^│]+?) +│/gm)].map(([, first = '']) => first);
    expect(quoted('tried')).toEqual(['tried', ...printed(swept).slice(1), 'violations']);
    expect(quoted('schedules')).toEqual(printed(played));
  });

  it('has figures, and no place-holder', () => {
    expect(read('README.md')).not.toMatch(/BENCH|TODO|TBD/);
  });
});

describe.each(documents)('%s', (document) => {
  const text = read(document);

  it('names npm scripts that are there', () => {
    for (const [, name = ''] of text.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toContain(name);
  });

  it('links to files that are there', () => {
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      expect(existsSync(join(root, document, '..', target)), target).toBe(true);
    }
  });

  it('names files and folders that are there', () => {
    for (const [, path = ''] of text.matchAll(
      /`((?:src|test|docs|slurm|openapi|migrations)(?:\/[\w.-]+)*\/?)`/g,
    )) {
      expect(existsSync(join(root, path)), path).toBe(true);
    }
  });
});

describe('docs/architecture.md', () => {
  const text = read('docs/architecture.md');

  it('has the table of states as the code has it', () => {
    const section = text.slice(text.indexOf('## The life'), text.indexOf('## Invariants'));
    const rows = [...section.matchAll(/^\| (\w+) \| (\w+) \|/gm)].map(([, from, to]) => `${from} → ${to}`);
    const coded = Object.entries(allocationMoves).flatMap(([from, tos]) =>
      tos.map((to) => `${from} → ${to}`),
    );
    expect(rows.filter((row) => row !== 'from → to').sort()).toEqual(coded.sort());
  });

  it('maps every folder of src', () => {
    const mapped = [...text.matchAll(/^\| `src\/(\w+)` \|/gm)].map(([, name]) => name);
    expect(mapped.sort()).toEqual(readdirSync(join(root, 'src')).sort());
  });

  it('names files and constraints that are there', () => {
    const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
    for (const [, name = ''] of text.matchAll(/`([a-z-]+\.ts)`/g)) {
      expect(
        files.some((file) => file.endsWith(`/${name}`)),
        name,
      ).toBe(true);
    }
    for (const [, name = ''] of text.matchAll(/`((?:allocations|runners)_\w+)`/g)) {
      expect(read('src/store/schema.ts')).toContain(`'${name}'`);
    }
  });
});

describe('config.example.yaml', () => {
  it('has every setting of the schema, and none besides', () => {
    const text = read('config.example.yaml');
    // Settings that exclude one another stand there as comments.
    const missing = settingsOf(configSchema).filter((path) => !text.includes(`${path.split('.').at(-1)}:`));
    expect(missing).toEqual([]);
    expect(Object.keys(parse(text) as object).sort()).toEqual(Object.keys(configSchema.shape).sort());
  });
});

/** Paths of the leaves; what this version refuses (`z.undefined`) is left out. */
function settingsOf(schema: unknown, path: readonly string[] = []): string[] {
  const { def } = schema as {
    def: {
      type: string;
      innerType?: unknown;
      in?: unknown;
      shape?: object;
      valueType?: unknown;
      element?: unknown;
    };
  };
  if (def.type === 'undefined') return [];
  if (def.innerType !== undefined) return settingsOf(def.innerType, path);
  if (def.type === 'pipe') return settingsOf(def.in, path);
  if (def.type === 'array') return settingsOf(def.element, path);
  // The environment's names are the user's own.
  if (def.type === 'record')
    return path.at(-1) === 'profiles' ? settingsOf(def.valueType, [...path, '*']) : [path.join('.')];
  if (def.shape === undefined) return [path.join('.')];
  return Object.entries(def.shape).flatMap(([name, inner]) => settingsOf(inner, [...path, name]));
}
