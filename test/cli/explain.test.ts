/** The command, in a process of its own: beside a service that answers, and without one. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/open-store.ts';
import { recordJob } from '../../src/store/workflow-job-rows.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { writeConfig } from '../support/write-config.ts';

const atMs = Date.UTC(2026, 0, 5, 9);
const job = {
  id: 100_000_000_001,
  runId: 17_000_000_001,
  runAttempt: 1,
  repository: 'acme/app',
  name: 'build',
  workflowName: 'ci',
  labels: ['slurm-small'],
  status: 'queued',
  conclusion: null,
  runnerName: null,
  createdAtMs: atMs,
  startedAtMs: null,
  completedAtMs: null,
} as const;

async function prepare() {
  const folder = temporaryFolder();
  const { file, databaseFile, adminUrl } = await writeConfig(folder, {
    apiUrl: 'http://127.0.0.1:1',
    repositories: ['acme/app'],
    slurmUrl: 'http://127.0.0.1:1',
    slurmUser: 'gha',
    slurmTokenFile: join(folder, 'token'),
    profiles: { 'slurm-small': { partition: 'ci', cpus: 1, memory: '1GiB', timeLimit: '10m' } },
  });
  migrateDatabase(databaseFile, atMs);
  const store = openStore({ path: databaseFile, allowNetworkFileSystem: true });
  const verdict = { kind: 'ours', profile: 'slurm-small', labels: ['slurm-small'] } as const;
  recordJob(store.db, job, verdict, 'acme/app|slurm-small|slurm-small', atMs + 4_000);
  store.close();
  const main = join(import.meta.dirname, '../../src/cli/main.js');
  const explain = (...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      execFile(
        process.execPath,
        [main, '--config', file, 'explain', ...args],
        { env: { ...process.env, GITHUB_TOKEN: 'token' } },
        (error, stdout, stderr) => resolve({ status: Number(error?.code ?? 0), stdout, stderr }),
      );
    });
  return { explain, adminUrl };
}

it('reads the database where no service answers, and says so', async () => {
  const { explain } = await prepare();
  const { status, stdout, stderr } = await explain(String(job.id));
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toBe(
    [
      'acme/app: job 100000000001 "build" of run 17000000001, attempt 1, runs-on slurm-small',
      '2026-01-05T09:00:00.000Z  queued at GitHub',
      '2026-01-05T09:00:04.000Z  seen by this service: its profile is slurm-small',
      'The service does not answer at server.admin: this is what it had written down.',
      '',
    ].join('\n'),
  );
});

it('says what to do for a job that is not known, and for what is no id', async () => {
  const { explain } = await prepare();
  const unknown = await explain('12');
  expect(unknown.status).toBe(1);
  expect(unknown.stderr).toMatch(/^gha-slurm: Job 12 is not known here: .*database\.keep/);
  const wrong = await explain('build');
  expect(wrong.status).toBe(64);
  expect(wrong.stderr).toMatch(/"build" is not the id of a job: take the number/);
});

it('asks the service that runs, with the reason of now', async () => {
  const { explain, adminUrl } = await prepare();
  const asked: (string | undefined)[] = [];
  const allocationId = 'abcdefghijklmnop';
  const phases = [
    {
      allocationId,
      slurmWaitMs: 12_040,
      prepareMs: 1_500,
      imageMs: null,
      dockerMs: 700,
      claimMs: 30,
      onlineMs: 2_345,
      jobMs: null,
    },
  ];
  const accounting = [
    { allocationId, peakMemoryMiB: 212, end: null },
    { allocationId, peakMemoryMiB: null, end: 'Slurm job 1 is FAILED.' },
  ];
  const output = { allocationId, at: '2026-01-05T09:01:00.000Z', text: 'first\nlast\n' };
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        ...job,
        attempt: 1,
        events: [],
        earlierTries: 22,
        phases,
        accounting,
        output,
        now: 'It waits for Slurm.',
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(Number(new URL(adminUrl).port), '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { status, stdout } = await explain(String(job.id));
  expect(status).toBe(0);
  expect(stdout.split('\n').slice(1)).toEqual([
    'and 22 earlier tries of its pool, made for other jobs, that came to nothing: /api/state lists all allocations',
    `time of allocation ${allocationId}: 12.0 s in Slurm, 1.5 s to prepare, 0.7 s of that for Docker, 0.0 s to be granted its claim, 2.3 s until its runner was online`,
    `accounting of allocation ${allocationId}: 212 MiB of memory at its peak.`,
    `accounting of allocation ${allocationId}: Slurm job 1 is FAILED.`,
    `what allocation ${allocationId} printed last, until ${output.at}:`,
    '  first',
    '  last',
    'It waits for Slurm.',
    '',
  ]);
  expect(asked).toEqual([`/api/jobs/${job.id}`]);
});
