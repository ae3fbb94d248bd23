/** What tests and the demo do as GitHub's users, from another process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { ask, credentialOf } from './ask.ts';
import { actions, jobSpecs, simulatorForTest } from './simulator-for-test.ts';
import type { SimulatedJob } from './simulator-state.ts';

describe('control over HTTP', () => {
  async function controlled() {
    const github = await simulatorForTest();
    const control = async <T>(name: string, body: object = {}): Promise<T> => {
      const { status, text } = await github.send('POST', `/_control/${name}`, { body });
      expect(status, text).toBe(200);
      return JSON.parse(text) as T;
    };
    return { github, control };
  }

  it('makes repositories and runs, cancels, and runs again', async () => {
    const { github, control } = await controlled();
    await control('repositories', { repository: 'acme/empty' });
    expect((await github.send('GET', '/repos/acme/empty')).status).toBe(200);
    const run = await control<{ id: number }>('runs', {
      repository: 'acme/app',
      workflow: 'build',
      jobs: jobSpecs(2),
    });
    const [first, second] = await control<SimulatedJob[]>('jobs');
    expect([first?.status, second?.status]).toEqual(['queued', 'queued']);
    await control('cancel-job', { jobId: first?.id });
    expect((await github.jobs(run.id)).map((job) => job.status)).toEqual(['completed', 'queued']);
    await control('cancel-run', { runId: run.id });
    expect(await github.run(run.id)).toMatchObject({ status: 'completed', conclusion: 'cancelled' });
    await control('rerun', { runId: run.id });
    expect(await github.run(run.id)).toMatchObject({ status: 'queued', run_attempt: 2 });
    const events = await control<{ kind: string }[]>('events');
    expect(events.map(({ kind }) => kind)).toEqual([
      ...Array(2).fill('job queued'),
      ...Array(2).fill('job completed'),
      'run started again',
      ...Array(2).fill('job queued'),
    ]);
  });

  it('orders faults and latency, and counts requests without those of its own', async () => {
    const { github, control } = await controlled();
    await control('fault', { kind: 'status', status: 502 });
    await control('latency', { latencyMs: 60 });
    const before = performance.now();
    expect((await github.send('GET', `${actions}/runs`)).status).toBe(502);
    expect(performance.now() - before).toBeGreaterThan(55);
    await github.send('GET', `${actions}/runs`);
    const path = '/repos/{owner}/{repo}/actions/runs';
    expect(await control('requests')).toEqual({
      requests: [
        { method: 'GET', path, status: 502, cost: 1 },
        { method: 'GET', path, status: 200, cost: 1 },
      ],
      pointsSpent: 2,
    });
  });

  it('shows runners without what they prove themselves with', async () => {
    const { github, control } = await controlled();
    const { token } = await github.mint('mine', ['slurm-small']);
    const runners = await control<object[]>('runners');
    expect(runners).toMatchObject([{ name: 'mine', online: false }]);
    const secret = token.split('.')[1] ?? '';
    expect(secret).toMatch(/^\w{48}$/);
    expect(JSON.stringify(runners)).not.toContain(secret);
  });

  it('wants the token, and knows its own names only', async () => {
    const { github } = await controlled();
    expect((await github.send('POST', '/_control/jobs', { token: 'wrong' })).status).toBe(401);
    expect((await github.send('POST', '/_control/no-such')).status).toBe(404);
  });
});

describe('the simulator as a process', () => {
  it('says where it is, serves its repositories, and ends on SIGTERM though a runner waits', async () => {
    const folder = temporaryFolder();
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'of-the-file\n');
    const main = join(import.meta.dirname, 'main.ts');
    const child = spawn(process.execPath, [main, '--token-file', tokenFile, '--repository', 'acme/app']);
    onTestFinished(() => void child.kill('SIGKILL'));
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const github = { url: (JSON.parse(line.toString()) as { url: string }).url, token: 'of-the-file' };
    const body = { name: 'mine', labels: ['slurm-small'], runner_group_id: 1 };
    const minted = await ask(github, 'POST', `${actions}/runners/generate-jitconfig`, { body });
    const { encoded_jit_config } = JSON.parse(minted.text) as { encoded_jit_config: string };
    const { token } = credentialOf(encoded_jit_config);
    await ask(github, 'POST', '/_runner/session', { token });
    const broken = expect(ask(github, 'GET', '/_runner/message', { token })).rejects.toThrow();
    // Answered after the request of the runner has come in: they are sent one after the other.
    await ask(github, 'GET', `${actions}/runners`);
    const before = performance.now();
    child.kill('SIGTERM');
    await broken;
    expect(await once(child, 'exit')).toEqual([0, null]);
    // A runner's request is held for 20 s.
    expect(performance.now() - before).toBeLessThan(10_000);
  });
});
