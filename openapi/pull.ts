/**
 * `npm run openapi:pull -- [--url URL --token-file FILE] [--check]`: takes the descriptions from a running slurmrestd, one
 * trimmed file for each version that it serves; without a URL from a development cluster that it starts.
 * `--check` compares instead of writing.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from '../slurm/cluster/start-cluster.ts';
import { OperatorError } from '../src/domain/errors.ts';
import { type Description, servedVersions, trim } from './trim.ts';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    'token-file': { type: 'string' },
    check: { type: 'boolean', default: false },
  },
});

async function served(): Promise<Description> {
  if (values.url !== undefined) {
    const token = values['token-file'] === undefined ? '' : readFileSync(values['token-file'], 'utf8').trim();
    return describe(values.url, token);
  }
  const cluster = await startCluster({ name: `openapi-${process.pid}`, tieToParent: true, say: console.log });
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

try {
  const description = await served();
  for (const version of servedVersions(description)) {
    const path = join(import.meta.dirname, `${version}.json`);
    const text = `${JSON.stringify(trim(description, version), null, 1)}\n`;
    const same = existsSync(path) && readFileSync(path, 'utf8') === text;
    if (!values.check) writeFileSync(path, text);
    else if (!same)
      throw new OperatorError(
        `openapi/${version}.json differs from what Slurm serves: run npm run openapi:pull.`,
      );
    console.log(`openapi/${version}.json ${same ? 'is as served' : 'written'}`);
  }
} catch (error) {
  console.error(error instanceof OperatorError ? error.message : error);
  process.exitCode = 1;
}
