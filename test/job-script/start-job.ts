/** The batch script as Slurm starts it, with a service of the test's own and a runner that the test writes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { jobScript } from '../../src/cli/launches.ts';
import type { Launcher } from '../../src/domain/launcher.ts';
import { endSession } from '../support/end-session.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

export interface Request {
  readonly path: string;
  readonly token: string;
  readonly form: Readonly<Record<string, string>>;
}

export interface Answer {
  /** It never comes. */
  readonly isSilent?: boolean;
  /** The connection breaks off after so many bytes of the body. */
  readonly cutAfter?: number;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Job {
  readonly requests: readonly Request[];
  /** The work folder's parent: empty when nothing is left behind. */
  readonly scratch: string;
  /** Where the test's runner may write what it saw. */
  readonly seen: string;
  readonly pid: number;
  readonly ended: Promise<number>;
  readonly output: () => string;
  signal(signal: NodeJS.Signals): void;
}

export const claimToken = 'claim-token-of-the-test';
export const granted = (idleTimeout = 600): Answer => ({
  status: 200,
  headers: {
    'X-Runner-Name': 'gha-i-a-1',
    'X-Event-Token': 'event-token-of-the-test',
    'X-Idle-Timeout': String(idleTimeout),
  },
  body: 'SklUIGNvbmZpZw==',
});

export const ok: Answer = { status: 204 };
export const grantClaim = (request: Request): Answer => (request.path.endsWith('/claim') ? granted() : ok);
/** What the service was asked, in order. */
export const paths = (requests: readonly Request[]): string[] =>
  requests.map(({ path, form }) =>
    `${path.replace('/v1/allocations/abc', '')} ${form['event'] ?? ''}`.trim(),
  );

/** @param runner bash, with `$SEEN` as a folder for what it wants to tell. @param answer to each request of the script. */
export async function startJob(
  runner: string,
  answer: (request: Request, before: readonly Request[]) => Answer,
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly url?: string;
    /** With the key, and no address. */
    readonly handoff?: 'mailbox';
    readonly check?: boolean;
    /** The node's own runner, without Docker, where it is left out. */
    readonly launcher?: Pick<Launcher, 'kind' | 'docker'>;
    /** Before the argv of the script. */
    readonly enter?: readonly string[];
    /** `slurm.output`. */
    readonly output?: '/dev/null';
  } = {},
): Promise<Job> {
  const folder = temporaryFolder();
  const [scratch, seen, installed] = ['scratch', 'seen', 'runner'].map((name) => join(folder, name));
  if (scratch === undefined || seen === undefined || installed === undefined) throw new Error('no folder');
  for (const path of [scratch, seen, installed]) mkdirSync(path);
  writeFileSync(join(installed, 'run.sh'), `#!/bin/bash\nSEEN=${seen}\n${runner}\n`);
  // Installed by an administrator: nobody may write there.
  chmodSync(join(installed, 'run.sh'), 0o555);

  const requests: Request[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const asked: Request = {
        path: request.url ?? '',
        token: (request.headers.authorization ?? '').replace(/^Bearer /, ''),
        form:
          request.headers['content-type'] === 'text/plain'
            ? { output: Buffer.concat(chunks).toString() }
            : Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())),
      };
      const given = answer(asked, [...requests]);
      requests.push(asked);
      if (given.isSilent === true) return;
      const body = given.body ?? '';
      const headers = { 'Content-Type': 'text/plain', 'Content-Length': body.length, ...given.headers };
      response.writeHead(given.status, given.status === 204 ? {} : headers);
      if (given.cutAfter === undefined) response.end(body);
      else response.write(body.slice(0, given.cutAfter), () => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = options.url ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  // Slurm spools a copy of the script and starts that.
  const script = join(folder, 'slurm_script');
  writeFileSync(script, jobScript(options.launcher ?? { kind: 'command', docker: null }, options));
  const printed = options.output ?? join(folder, 'slurm-42.out');
  const out = openSync(printed, 'a');
  const [program = '', ...argv] = [...(options.enter ?? []), '/bin/bash', script];
  const child: ChildProcess = spawn(program, argv, {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: '/tmp',
      TMPDIR: scratch,
      SLURM_JOB_ID: '42',
      SLURMD_NODENAME: 'node7',
      GHA_SLURM_URL: url,
      GHA_SLURM_ALLOCATION: 'abc',
      GHA_SLURM_CLAIM_TOKEN: claimToken,
      GHA_SLURM_CLAIM_WAIT: '60',
      GHA_SLURM_RUNNER_COMMAND: join(installed, 'run.sh'),
      ...options.env,
    },
    // Slurm's output file, as sbatch --output names it.
    stdio: ['ignore', out, out],
    // Slurm gives the batch step a process group of its own.
    detached: true,
  });
  closeSync(out);
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code) => resolve(code ?? -1));
  });
  onTestFinished(async () => {
    // A runner has a process group of its own, and outlives the script.
    endSession(child.pid ?? 0, folder);
    await ended;
    server.closeAllConnections();
    server.close();
  });
  return {
    requests,
    scratch,
    seen,
    pid: child.pid ?? 0,
    ended,
    output: () => readFileSync(printed, 'utf8'),
    signal: (name) => void child.kill(name),
  };
}
