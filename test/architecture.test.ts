/** The rules of the layout: who may import whom, and what only one file may know. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const src = join(root, 'src');

/** Module → the modules of `src` that it may import, beside itself. Data flows one way. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  planner: ['domain'],
  config: ['domain'],
  github: ['domain'],
  slurm: ['domain'],
  store: ['domain'],
  controller: ['domain', 'planner', 'store'],
  server: ['domain', 'controller'],
  cli: ['domain', 'config', 'controller', 'github', 'server', 'slurm', 'store'],
};

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

interface Import {
  readonly file: string;
  readonly target: string;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const found = text.matchAll(
    /(?:^|\n)(?:import|export)\s[^;]*?from '([^']+)'|(?:import|require)\('([^']+)'\)/g,
  );
  return [...found].map((match) => {
    const specifier = match[1] ?? match[2] ?? '';
    return { file, target: specifier.startsWith('.') ? resolve(dirname(file), specifier) : specifier };
  });
}

const sources = filesIn(src).filter((file) => !file.includes('.gen.'));
const imports = sources.flatMap(importsOf);
const moduleOf = (file: string): string => relative(src, file).split('/')[0] ?? '';
const show = ({ file, target }: Import): string =>
  `${relative(root, file)} imports ${target.startsWith('/') ? relative(root, target) : target}`;

describe('imports', () => {
  it('are found: the rules below see something', () => {
    expect(sources.length).toBeGreaterThan(60);
    expect(imports.length).toBeGreaterThan(200);
    expect(Object.keys(mayImport).sort()).toEqual([...new Set(sources.map(moduleOf))].sort());
  });

  it('go one way', () => {
    const wrong = imports
      .filter(({ target }) => target.startsWith(src))
      .filter(({ file, target }) => {
        const [from, to] = [moduleOf(file), moduleOf(target)];
        return from !== to && !(mayImport[from] ?? []).includes(to);
      });
    expect(wrong.map(show)).toEqual([]);
  });

  it('of domain and planner are nothing but their own: they are pure', () => {
    const wrong = imports.filter(
      ({ file, target }) => ['domain', 'planner'].includes(moduleOf(file)) && !target.startsWith(src),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('of the generated types are in one file of slurm', () => {
    const users = imports
      .filter(({ target }) => target.includes('/generated/'))
      .map(({ file }) => relative(src, file));
    expect([...new Set(users)]).toEqual(['slurm/create-slurm-client.ts']);
  });

  it('of Octokit, openapi-fetch, SQLite and HTTP servers stay in their module', () => {
    const homes: readonly (readonly [RegExp, ...string[]])[] = [
      [/^@octokit\/|^bottleneck$|^minipass-fetch$/, 'github'],
      [/^openapi-fetch$|^jose$|^ajv$/, 'slurm'],
      [/^better-sqlite3$|^drizzle-orm/, 'store'],
      [/^fastify$|^@fastify\/|^prom-client$/, 'server'],
      [/^p-queue$/, 'controller', 'slurm'],
      [/^pino$|^commander$/, 'cli'],
      [/^yaml$/, 'config'],
    ];
    for (const [name, ...home] of homes) {
      const users = imports.filter(({ target }) => name.test(target));
      expect(users.length, String(name)).toBeGreaterThan(0);
      expect(users.filter(({ file }) => !home.includes(moduleOf(file))).map(show)).toEqual([]);
    }
  });

  it('have no circles', () => {
    const targets = new Map(sources.map((file) => [file, importsOf(file).map(({ target }) => target)]));
    const circles = sources.filter((start) => {
      const seen = new Set<string>();
      const ahead = [...(targets.get(start) ?? [])];
      for (let file = ahead.pop(); file !== undefined; file = ahead.pop()) {
        if (seen.has(file)) continue;
        seen.add(file);
        ahead.push(...(targets.get(file) ?? []));
      }
      return seen.has(start);
    });
    expect(circles.map((file) => relative(src, file))).toEqual([]);
  });

  it('outside src never reach the service from its tests or tools backwards', () => {
    const wrong = imports.filter(({ target }) => target.startsWith(root) && !target.startsWith(src));
    expect(wrong.map(show)).toEqual([]);
  });
});

describe('the service', () => {
  it('talks to Slurm through its typed client only: the one command that it runs is the one that prints a token', () => {
    const users = imports.filter(({ target }) => /child_process|execa/.test(target));
    expect(users.map(({ file }) => relative(src, file))).toEqual(['slurm/command-token.ts']);
  });

  it('reads the environment in config only', () => {
    const readers = sources.filter((file) => readFileSync(file, 'utf8').includes('process.env'));
    expect([...new Set(readers.map(moduleOf))]).toEqual(['config']);
  });

  it('keeps time out of domain and planner', () => {
    const pure = sources.filter((file) => ['domain', 'planner'].includes(moduleOf(file)));
    const readers = pure.filter((file) =>
      /Date\.now|performance\.now|Math\.random/.test(readFileSync(file, 'utf8')),
    );
    // The one file that says what the system's clock is.
    expect(readers.map((file) => relative(src, file))).toEqual(['domain/time.ts']);
  });
});
