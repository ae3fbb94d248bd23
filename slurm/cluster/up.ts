/** `npm run slurm:up -- --release 24.11 --name dev`: a real Slurm for development. */
import { parseArgs } from 'node:util';
import { exitUnavailable, OperatorError } from '../../src/domain/errors.ts';
import { missingRequirement } from './requirements.ts';
import { type Release, releases } from './root-file-system.ts';
import { startCluster } from './start-cluster.ts';

const usage =
  'usage: npm run slurm:up -- [--release 24.11|26.05] [--name dev] [--cpus 256] [--bind FOLDER:FOLDER_IN_CLUSTER]...';

async function up(): Promise<void> {
  const { values } = parseArgs({
    options: {
      release: { type: 'string', default: '24.11' },
      name: { type: 'string', default: 'dev' },
      cpus: { type: 'string', default: '256' },
      bind: { type: 'string', multiple: true, default: [] },
    },
  });
  const missing = missingRequirement();
  if (missing !== null) throw new OperatorError(missing, exitUnavailable);
  const release = releases.find((known): known is Release => known === values.release);
  const binds = values.bind.map((bind) => ({ from: bind.split(':')[0] ?? '', to: bind.split(':')[1] ?? '' }));
  const wrong = binds.some(({ from, to }) => !from.startsWith('/') || !to.startsWith('/'));
  if (release === undefined || wrong || !/^[a-z0-9-]+$/.test(values.name) || !/^\d+$/.test(values.cpus)) {
    throw new OperatorError(usage, 64);
  }
  const begun = performance.now();
  const cluster = await startCluster({
    name: values.name,
    release,
    cpus: Number(values.cpus),
    binds,
    say: console.log,
  });
  console.log(
    [
      `Slurm ${release} is ready after ${((performance.now() - begun) / 1_000).toFixed(1)} s`,
      `  name       ${cluster.name}`,
      `  slurmrestd ${cluster.url}`,
      `  user       ${cluster.user}`,
      `  partition  ${cluster.partition}`,
      `  token      ${cluster.tokenFile}`,
      `  key        ${cluster.keyFile}`,
      `  logs       ${cluster.directory}/log`,
      `take it down with: npm run slurm:down -- --name ${cluster.name}`,
    ].join('\n'),
  );
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
