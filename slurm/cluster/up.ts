/**
 * `npm run slurm:up -- --release 24.11 --name dev`: a real Slurm for development. It goes on when this has ended, until
 * `npm run slurm:down`; with `--foreground`, as in a container, this stays, and SIGTERM takes it down.
 */
import { readFileSync, rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { exitUnavailable, OperatorError } from '../../src/domain/errors.ts';
import type { Cluster } from './cluster.ts';
import { handOverToken, type TokenPlace } from './hand-over-token.ts';
import { holdInForeground, toldToEnd } from './hold-in-foreground.ts';
import { missingRequirement } from './requirements.ts';
import { type Release, releases } from './root-file-system.ts';
import { type ClusterOptions, startCluster } from './start-cluster.ts';

const usage = `usage: npm run slurm:up -- [OPTION]...
  --release 24.11|26.05            default: 24.11
  --name NAME                      default: dev
  --cpus COUNT                     of its one node; default: 256
  --bind FOLDER:FOLDER_IN_CLUSTER  that jobs see; may be given again
  --accounting                     with slurmdbd and its database
  --listen HOST[:PORT]             of slurmrestd; default: 127.0.0.1, at a port that is free
  --token-file FILE[:UID]          writes the token there too, for that user alone
  --foreground                     stays until SIGTERM, then takes it down`;

interface UpOptions {
  readonly cluster: ClusterOptions & { readonly release: Release };
  readonly token: TokenPlace | null;
  readonly foreground: boolean;
}

/** @throws OperatorError with the usage; TypeError for an option that is not there. */
function readOptions(): UpOptions {
  const { values } = parseArgs({
    options: {
      release: { type: 'string', default: '24.11' },
      name: { type: 'string', default: 'dev' },
      cpus: { type: 'string', default: '256' },
      bind: { type: 'string', multiple: true, default: [] },
      accounting: { type: 'boolean', default: false },
      listen: { type: 'string', default: '127.0.0.1' },
      'token-file': { type: 'string' },
      foreground: { type: 'boolean', default: false },
    },
  });
  const release = releases.find((known): known is Release => known === values.release);
  const binds = values.bind.map((bind) => ({ from: bind.split(':')[0] ?? '', to: bind.split(':')[1] ?? '' }));
  const wrong = binds.some(({ from, to }) => !from.startsWith('/') || !to.startsWith('/'));
  const [, host, port] = /^([\w.-]+)(?::(\d{1,5}))?$/.exec(values.listen) ?? [];
  const [, path, owner] = /^(.+?)(?::(\d+))?$/.exec(values['token-file'] ?? '') ?? [];
  if (
    release === undefined ||
    wrong ||
    host === undefined ||
    Number(port ?? 1) > 65_535 ||
    !/^[a-z0-9-]+$/.test(values.name) ||
    !/^\d+$/.test(values.cpus)
  ) {
    throw new OperatorError(usage, 64);
  }
  return {
    cluster: {
      name: values.name,
      release,
      cpus: Number(values.cpus),
      binds,
      accounting: values.accounting,
      listen: { host, port: port === undefined ? null : Number(port) },
      tieToParent: values.foreground,
      say: console.log,
    },
    token: path === undefined ? null : { path, owner: owner === undefined ? null : Number(owner) },
    foreground: values.foreground,
  };
}

function describe(cluster: Cluster, foreground: boolean): string {
  return [
    `  name       ${cluster.name}`,
    `  slurmrestd ${cluster.url}`,
    `  user       ${cluster.user}`,
    `  partition  ${cluster.partition}`,
    `  token      ${cluster.tokenFile}`,
    `  key        ${cluster.keyFile}`,
    `  logs       ${cluster.directory}/log`,
    foreground
      ? 'take it down with SIGTERM or Ctrl-C'
      : `take it down with: npm run slurm:down -- --name ${cluster.name}`,
  ].join('\n');
}

async function up(): Promise<void> {
  const missing = missingRequirement();
  if (missing !== null) throw new OperatorError(missing, exitUnavailable);
  const { cluster: options, token, foreground } = readOptions();
  const told = foreground ? toldToEnd() : null;
  // Who waits for the file must not take one of an earlier cluster for this one's.
  if (token !== null) rmSync(token.path, { force: true });
  const begun = performance.now();
  const cluster = await startCluster(options);
  try {
    if (token !== null) handOverToken(token, readFileSync(cluster.tokenFile, 'utf8'));
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  console.log(
    `Slurm ${cluster.release} is ready after ${((performance.now() - begun) / 1_000).toFixed(1)} s`,
  );
  console.log(describe(cluster, foreground));
  if (told === null) return;
  await holdInForeground(cluster, told);
  if (token !== null) rmSync(token.path, { force: true });
}

try {
  await up();
} catch (error) {
  console.error(
    error instanceof OperatorError
      ? error.message
      : error instanceof TypeError
        ? `${error.message}\n${usage}`
        : error,
  );
  process.exitCode = error instanceof OperatorError ? error.exitCode : 64;
}
