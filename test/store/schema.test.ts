import { execFile } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = join(import.meta.dirname, '../..');

it('the migrations are all that the schema needs: generating again gives nothing new', async () => {
  const out = join(temporaryFolder(), 'migrations');
  cpSync(join(root, 'migrations'), out, { recursive: true });
  const before = readdirSync(out);
  const kit = join(root, 'node_modules/drizzle-kit/bin.cjs');
  // drizzle-kit takes a folder relative to the working one only.
  const relative = join('..', '..', '..', '..', '..', '..', '..', out);
  const args = [
    kit,
    'generate',
    '--dialect',
    'sqlite',
    '--schema',
    './src/store/schema.ts',
    '--out',
    relative,
  ];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 15_000 });
  expect(stdout).toContain('No schema changes');
  expect(readdirSync(out)).toEqual(before);
});

it('the journal names each migration file, in the order of their numbers', () => {
  const journal = JSON.parse(readFileSync(join(root, 'migrations/meta/_journal.json'), 'utf8')) as {
    entries: { tag: string }[];
  };
  const files = readdirSync(join(root, 'migrations')).filter((name) => name.endsWith('.sql'));
  expect(journal.entries.map(({ tag }) => `${tag}.sql`)).toEqual(files.sort());
});
