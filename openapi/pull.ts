/**
 * `npm run openapi:pull -- [--url URL --token-file FILE] [--check]`: takes the descriptions from a running slurmrestd, one
 * trimmed file for each version that it serves; without a URL from development clusters of every release, which it starts. A
 * version that more than one release serves is taken from the oldest of them, and has to be the same in the others.
 * `--check` compares instead of writing.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Release, releases } from '../slurm/cluster/root-file-system.ts';
import { startCluster } from '../slurm/cluster/start-cluster.ts';
import { OperatorError } from '../src/domain/errors.ts';
import { descriptionFiles } from './description-files.ts';
import { type Description, servedVersions, trim } from './trim.ts';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    'token-file': { type: 'string' },
    check: { type: 'boolean', default: false },
  },
});

/** What each slurmrestd serves, oldest release first. */
async function served(): Promise<Description[]> {
  if (values.url !== undefined) {
    const token = values['token-file'] === undefined ? '' : readFileSync(values['token-file'], 'utf8').trim();
    return [await describe(values.url, token)];
  }
  return Promise.all(releases.map(servedBy));
}

async function servedBy(release: Release): Promise<Description> {
  const name = `openapi-${release.replace('.', '')}-${process.pid}`;
  const cluster = await startCluster({
    name,
    release,
    tieToParent: true,
    accounting: true,
    say: console.log,
  });
  try {
    return await describe(cluster.url, cluster.mintToken());
  } finally {
    await cluster.stop();
  }
}

async function describe(url: string, token: string): Promise<Description> {
  const response = await fetch(`${url}/openapi/v3`, {
    headers: { 'X-SLURM-USER-TOKEN': token },
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) {
    throw new OperatorError(
      `${url}/openapi/v3 answers ${response.status}: give a slurmrestd and a valid token with --token-file.`,
    );
  }
  return (await response.json()) as Description;
}

const withoutSource = ({ info, ...rest }: Description): string =>
  JSON.stringify([{ ...info, 'x-taken-from': null }, rest]);

function keep(version: string, trimmed: Description): void {
  const path = join(import.meta.dirname, `${version}.json`);
  const text = `${JSON.stringify(trimmed, null, 1)}\n`;
  const same = existsSync(path) && readFileSync(path, 'utf8') === text;
  if (!values.check) writeFileSync(path, text);
  else if (!same)
    throw new OperatorError(
      `openapi/${version}.json differs from what Slurm serves: run npm run openapi:pull.`,
    );
  console.log(`openapi/${version}.json ${same ? 'is as served' : 'written'}`);
}

try {
  const taken = new Map<string, Description>();
  for (const description of await served()) {
    for (const version of servedVersions(description)) {
      const trimmed = trim(description, version);
      const known = taken.get(version);
      if (known === undefined) keep(version, trimmed);
      else if (withoutSource(known) !== withoutSource(trimmed))
        throw new OperatorError(
          `${version} is another in ${trimmed.info['x-taken-from']} than in ${known.info['x-taken-from']}: the client has to tell them apart.`,
        );
      taken.set(version, known ?? trimmed);
    }
  }
  if (values.url === undefined) {
    const left = descriptionFiles().filter(({ version }) => !taken.has(version));
    for (const { version } of left)
      throw new OperatorError(`openapi/${version}.json is served by no release here: delete it.`);
  }
} catch (error) {
  console.error(error instanceof OperatorError ? error.message : error);
  process.exitCode = 1;
}
