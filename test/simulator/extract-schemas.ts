/**
 * `npm run github:schemas -- [--check]`: takes from GitHub's own description what it says of the routes that the simulator
 * serves, into `github-schemas.gen.json`. `--check` compares instead of writing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Description, type ResponseSchemas, responseSchemas } from './response-schemas.ts';
import { servedRoutes } from './rest-routes.ts';

const source = { name: '@octokit/openapi', version: '23.0.2' } as const;
const member = 'package/generated/api.github.com.json';
const fileName = 'github-schemas.gen.json';

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });

/** @throws Error when the package can not be had. */
function fetchDescription(): Description {
  const folder = mkdtempSync(join(tmpdir(), 'github-schemas-'));
  try {
    const wanted = `${source.name}@${source.version}`;
    run('npm', ['pack', wanted, '--silent', '--pack-destination', folder]);
    const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
    run('tar', ['-xzf', join(folder, archive), '-C', folder, member]);
    return JSON.parse(readFileSync(join(folder, member), 'utf8')) as Description;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, [...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr}`);
}

/** One line for each route and each schema: small, and a change shows where it is. */
function toText({ responses, components }: ResponseSchemas): string {
  const lines = (record: Readonly<Record<string, unknown>>): string =>
    Object.entries(record)
      .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
      .join(',\n');
  return `{
"package": ${JSON.stringify(source)},
"responses": {
${lines(responses)}
},
"components": {"schemas": {
${lines(components.schemas)}
}}
}
`;
}

const path = join(import.meta.dirname, fileName);
const text = toText(responseSchemas(fetchDescription(), servedRoutes));
const same = existsSync(path) && readFileSync(path, 'utf8') === text;
if (!values.check) writeFileSync(path, text);
else if (!same) {
  console.error(
    `test/simulator/${fileName} is not what GitHub's description gives: run npm run github:schemas.`,
  );
  process.exitCode = 1;
}
console.log(`test/simulator/${fileName} ${same ? 'is up to date' : values.check ? 'differs' : 'written'}`);
