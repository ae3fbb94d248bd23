/** The Slurm jobs of `check --node`: none is left, whatever becomes of its submit, its cancel or the command. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkNodes } from '../../src/cli/check-nodes.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { type Asked, refusal, type Scripted, slurmrestd } from '../slurm/scripted-slurmrestd.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type WrittenConfig, writeConfig } from '../support/write-config.ts';

/** Slurm's answer to everything: job 7 is there, and waits. */
const waits: Scripted = {
  body: {
    job_id: 7,
    jobs: [{ job_id: 7, job_state: ['PENDING'], state: ['PENDING'], state_reason: 'Priority' }],
    partitions: [{ name: 'ci', partition: { state: ['UP'] }, nodes: { configured: 'n1' } }],
    nodes: [{ name: 'n1', partitions: ['ci'], cpus: 4, real_memory: 8_192, state: ['IDLE'] }],
    reservations: [],
    licenses: [],
    associations: [],
    status: [],
    errors: [],
    warnings: [],
  },
};
const lost: Scripted = { ...waits, cutAfter: 5 };

function configure(slurmUrl = 'http://127.0.0.1:9'): Promise<WrittenConfig> {
  const folder = temporaryFolder();
  const token = join(folder, 'token');
  writeFileSync(token, 'token');
  return writeConfig(folder, {
    apiUrl: 'http://127.0.0.1:9',
    repositories: ['acme/app'],
    slurmUrl,
    slurmUser: 'gha',
    slurmTokenFile: token,
    profiles: { s: { partition: 'ci', cpus: 1, memory: '1GiB', timeLimit: '1h' } },
  });
}

const isSubmit = ({ call }: Asked) => call.startsWith('POST ') && call.endsWith('/job/submit');
const isCancel = ({ call }: Asked) => call.startsWith('DELETE ') && call.endsWith('/jobs/');
const isLook = ({ call }: Asked) => call.startsWith('GET ') && call.endsWith('/job/7');
const nameIn = (asked: readonly Asked[]) =>
  (asked.find(isSubmit)?.body as { job?: { name?: string } } | undefined)?.job?.name;

/** @param answer to each call; undefined: that Slurm has job 7, which waits. */
async function checkWith(
  answer: (asked: Asked, cancels: number) => Scripted | undefined,
  paused: () => void = () => undefined,
) {
  let cancels = 0;
  const { client, asked, clock } = await slurmrestd((call) => {
    if (isCancel(call)) cancels += 1;
    return answer(call, cancels) ?? waits;
  });
  const { file } = await configure();
  const pauses: number[] = [];
  const pause = async (ms: number) => {
    pauses.push(ms);
    clock.advance(ms);
    paused();
  };
  const checked = checkNodes(client, loadConfig(file, { GITHUB_TOKEN: 't' }), {
    waitMs: 1,
    stop: new AbortController().signal,
    pause,
  });
  const [failed, verdict] = await checked.then(
    ([one]) => [null, one] as const,
    (error: unknown) => [error, undefined] as const,
  );
  const cancelled = asked.filter(isCancel).map(({ body }) => body);
  return { verdict, failed, asked, cancelled, pauses, name: nameIn(asked) };
}

describe('a submit whose answer is lost', () => {
  it('has its job cancelled by its name, at once and some more times', async () => {
    const { verdict, cancelled, pauses, name } = await checkWith((call) =>
      isSubmit(call) ? lost : undefined,
    );
    expect(name).toMatch(/^gha-check-/);
    expect(cancelled).toHaveLength(4);
    for (const body of cancelled) expect(body).toMatchObject({ job_name: name, user_name: 'gha' });
    expect(cancelled.every((body) => !Object.hasOwn(body as object, 'jobs'))).toBe(true);
    expect(pauses).toEqual([0, 2_000, 5_000, 15_000]);
    expect(verdict).toMatchObject({ fits: false, says: expect.not.stringContaining('scancel') });
  });

  it('and so are those of its cancels: until one is answered', async () => {
    const { verdict, cancelled } = await checkWith((call, cancels) =>
      isSubmit(call) || (isCancel(call) && cancels < 4) ? lost : undefined,
    );
    expect(cancelled).toHaveLength(4);
    expect(verdict?.says).not.toContain('scancel');
  });

  it('and Slurm answers nothing after it: the sentence says what to do, after a bounded number of tries', async () => {
    const { verdict, asked, name } = await checkWith((call) =>
      isSubmit(call) || call.call.startsWith('GET ') || isCancel(call) ? lost : undefined,
    );
    expect(verdict?.says).toContain(`Its Slurm job may be left`);
    expect(verdict?.says).toContain(`scancel --name=${name}`);
    expect(asked.filter(isSubmit)).toHaveLength(1);
    expect(asked.length).toBeLessThan(10);
  });
});

it('what Slurm refuses needs no cancel', async () => {
  const { verdict, cancelled } = await checkWith((call) => (isSubmit(call) ? refusal(2000, 422) : undefined));
  expect(verdict?.fits).toBe(false);
  expect(cancelled).toEqual([]);
});

it('what does not end in time is cancelled by its id and name, again where that has no answer', async () => {
  const { verdict, cancelled, name } = await checkWith((call, cancels) =>
    isCancel(call) && cancels < 3 ? lost : undefined,
  );
  expect(verdict).toEqual({
    what: 's',
    fits: false,
    says: expect.stringMatching(/^did not end within .*: Slurm says Priority$/),
  });
  expect(cancelled).toHaveLength(3);
  for (const body of cancelled) expect(body).toMatchObject({ jobs: ['7'], job_name: name });
});

describe('an error of no known kind after the submit', () => {
  /** At the first look, which comes after the submit. */
  const failingOnce = () => {
    let pauses = 0;
    return () => {
      pauses += 1;
      if (pauses === 1) throw new RangeError('a mistake');
    };
  };

  it('is told, and leaves no job', async () => {
    const { failed, cancelled, name } = await checkWith(() => undefined, failingOnce());
    expect(failed).toMatchObject({ name: 'RangeError', message: 'a mistake' });
    expect(cancelled).toMatchObject([{ jobs: ['7'], job_name: name }]);
  });

  it('is told with the job that may be left', async () => {
    const { failed, name } = await checkWith((call) => (isCancel(call) ? lost : undefined), failingOnce());
    expect(failed).toMatchObject({ message: expect.stringContaining(`scancel --name=${name}`) });
    expect(failed).toMatchObject({
      message: expect.stringMatching(/^a mistake\. Its Slurm job may be left/),
    });
  });
});

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  it.each([
    ['a job waits', isLook],
    ['a submit is under way', isSubmit],
  ])('while %s: it is cancelled by its id and name, and the command says so', async (_what, isMoment) => {
    let stop = (): void => undefined;
    const { asked, url } = await slurmrestd((call) => {
      if (isMoment(call)) stop();
      return waits;
    });
    const { file } = await configure(url);
    const main = join(import.meta.dirname, '../../src/cli/main.js');
    const child = spawn(process.execPath, [main, '--config', file, 'check', '--node'], {
      env: { GITHUB_TOKEN: 't', PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const printed: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => void printed.push(chunk.toString()));
    stop = () => {
      stop = () => undefined;
      child.kill(signal);
    };
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(asked.filter(isCancel).map(({ body }) => body)).toMatchObject([
      { jobs: ['7'], job_name: nameIn(asked) },
    ]);
    expect(printed.join('')).toContain('a job of profile s: was stopped before its job had ended.');
    expect(printed.join('')).toContain(`gha-slurm: The check was stopped by ${signal}`);
  });
});
