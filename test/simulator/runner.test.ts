/** The simulated runner as a process, started as `slurm/job.sh` starts what is installed on a node. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runnerBind } from '../support/runner-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { actions, type SimulatorForTest, simulatorForTest } from './simulator-for-test.ts';

const labels = ['self-hosted', 'slurm-small'];

/** A copy of the runner, and hooks that write down that they were called. */
function installed({ startedHook = 'exit 0' } = {}) {
  const work = temporaryFolder();
  cpSync(runnerBind.from, join(work, 'runner'), { recursive: true });
  for (const name of ['hooks', 'tmp']) mkdirSync(join(work, name));
  const called = join(work, 'hooks/called');
  writeFileSync(called, '');
  writeFileSync(join(work, 'hooks/started.sh'), `echo "started $RUNNER_NAME" >> ${called}\n${startedHook}\n`);
  writeFileSync(join(work, 'hooks/finished.sh'), `echo "finished $RUNNER_NAME" >> ${called}\n`);
  return work;
}

/** In a process group of its own, as a background job of `job.sh` is. */
function launch(work: string, jitConfig: string | null) {
  const logFile = join(work, `log-${readdirSync(work).length}`);
  const log = openSync(logFile, 'a');
  const child = spawn('./run.sh', {
    cwd: join(work, 'runner'),
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      PATH: process.env['PATH'],
      HOME: work,
      TMPDIR: join(work, 'tmp'),
      RUNNER_MANUALLY_TRAP_SIG: '1',
      ACTIONS_RUNNER_HOOK_JOB_STARTED: join(work, 'hooks/started.sh'),
      ACTIONS_RUNNER_HOOK_JOB_COMPLETED: join(work, 'hooks/finished.sh'),
      ...(jitConfig === null ? {} : { ACTIONS_RUNNER_INPUT_JITCONFIG: jitConfig }),
    },
  });
  const group = child.pid ?? 0;
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  const interrupt = (signal: NodeJS.Signals): void => void process.kill(-group, signal);
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) interrupt('SIGKILL');
  });
  return { group, ended, interrupt, log: () => readFileSync(logFile, 'utf8') };
}

async function jitConfigOf(github: SimulatorForTest, name: string): Promise<string> {
  const { text } = await github.register(name, labels);
  return (JSON.parse(text) as { encoded_jit_config: string }).encoded_jit_config;
}

async function world(options?: Parameters<typeof installed>[0]) {
  const github = await simulatorForTest();
  const work = installed(options);
  const jitConfig = await jitConfigOf(github, 'mine');
  return {
    github,
    work,
    jitConfig,
    runner: launch(work, jitConfig),
    /** Waits until the runner waits. */
    online: () => until(() => github.control.runners().some(({ name, online }) => name === 'mine' && online)),
    queue: (commands: string) => github.createRun([{ name: 'compile', labels, commands }]),
    outcome: () => github.control.jobs().map((job) => `${job.status} ${job.conclusion} ${job.runnerName}`),
    hooks: () => readFileSync(join(work, 'hooks/called'), 'utf8').trim().split('\n'),
    written: (name: string) => join(work, 'runner', name),
  };
}

const bothHooks = ['started mine', 'finished mine'];

/** What the kernel says of a process; one that only waits to be taken notice of is gone. */
function statOf(pid: string): { state: 'there' | 'gone'; group: number } {
  try {
    // The command's name, in parentheses, may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return { state: fields[0] === 'Z' ? 'gone' : 'there', group: Number(fields[2]) };
  } catch {
    return { state: 'gone', group: 0 };
  }
}

/** The command lines of all processes of a group, as everybody on the machine can read them. */
function commandLines(group: number): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && statOf(name).group === group);
  return pids.flatMap((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return line === '' ? [] : [line];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}

describe('the simulated runner', () => {
  it('takes one job that waits for it, runs it in its folder, reports success, and ends', async () => {
    const { github, runner, work, queue, outcome, hooks, written } = await world();
    const run = queue('pwd > ../where; env > ../environment; echo "said by the job"');
    queue('touch ../second');
    expect(await runner.ended).toBe(0);
    expect(outcome()).toEqual(['completed success mine', 'queued null null']);
    expect(await github.runners()).toEqual([]);
    expect(hooks()).toEqual(bothHooks);
    expect(runner.log()).toContain('said by the job');
    expect(readFileSync(written('where'), 'utf8').trim()).toBe(join(work, 'runner/_work'));
    expect(existsSync(written('second'))).toBe(false);
    const environment = readFileSync(written('environment'), 'utf8').split('\n');
    expect(environment).toEqual(
      expect.arrayContaining([
        'GITHUB_ACTIONS=true',
        'CI=true',
        `GITHUB_RUN_ID=${run.id}`,
        'GITHUB_JOB=compile',
        'GITHUB_REPOSITORY=acme/app',
        'RUNNER_NAME=mine',
      ]),
    );
    expect(environment.join('\n')).not.toContain('JITCONFIG');
  });

  it('takes a job that comes while it waits', async () => {
    const { runner, online, queue, outcome } = await world();
    await online();
    expect(outcome()).toEqual([]);
    queue('true');
    expect(await runner.ended).toBe(0);
    expect(outcome()).toEqual(['completed success mine']);
  });

  it('reports the failure of a command, runs nothing behind it, and ends with 0', async () => {
    const { runner, queue, outcome, hooks, written } = await world();
    queue('false\ntouch ../behind');
    expect(await runner.ended).toBe(0);
    expect(outcome()).toEqual(['completed failure mine']);
    expect(existsSync(written('behind'))).toBe(false);
    expect(hooks()).toEqual(bothHooks);
  });

  it('fails a job whose started hook fails, without running it', async () => {
    const { runner, queue, outcome, hooks, written } = await world({ startedHook: 'exit 1' });
    queue('touch ../ran');
    expect(await runner.ended).toBe(0);
    expect(outcome()).toEqual(['completed failure mine']);
    expect(existsSync(written('ran'))).toBe(false);
    expect(hooks()).toEqual(bothHooks);
  });

  it('ends with 0 when its registration is deleted while it waits', async () => {
    const { github, runner, online, outcome, hooks } = await world();
    await online();
    const [registration] = github.control.runners();
    expect((await github.send('DELETE', `${actions}/runners/${registration?.id}`)).status).toBe(204);
    expect(await runner.ended).toBe(0);
    expect(runner.log()).toContain('registration has been deleted');
    expect([outcome(), hooks()]).toEqual([[], ['']]);
  });

  it('ends with 0 when its registration was deleted before it began', async () => {
    const github = await simulatorForTest();
    const jitConfig = await jitConfigOf(github, 'mine');
    await github.send('DELETE', `${actions}/runners/${github.control.runners()[0]?.id}`);
    const runner = launch(installed(), jitConfig);
    expect(await runner.ended).toBe(0);
    expect(runner.log()).toContain('registration has been deleted');
  });

  it('can not be configured twice in one folder; the first goes on', async () => {
    const { github, runner, work, online, queue, outcome } = await world();
    await online();
    const second = launch(work, await jitConfigOf(github, 'second'));
    expect(await second.ended).toBe(0);
    expect(second.log()).toContain('already configured');
    expect(github.control.runners()).toMatchObject([
      { name: 'mine', online: true },
      { name: 'second', online: false },
    ]);
    queue('true');
    expect(await runner.ended).toBe(0);
    expect(outcome()).toEqual(['completed success mine']);
  });

  it('says what it lacks without a JIT config, and ends with 0', async () => {
    const runner = launch(installed(), null);
    expect(await runner.ended).toBe(0);
    expect(runner.log()).toContain('no ACTIONS_RUNNER_INPUT_JITCONFIG');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends its job on %s, and reports its failure', async (signal) => {
    const { runner, queue, outcome, hooks, written } = await world();
    queue('echo $$ > ../job-pid; sleep 15; touch ../whole');
    await until(() => existsSync(written('job-pid')) && readFileSync(written('job-pid'), 'utf8') !== '');
    expect(outcome()).toEqual(['in_progress null mine']);
    runner.interrupt(signal);
    expect(await runner.ended).toBe(0);
    expect(outcome()).toEqual(['completed failure mine']);
    expect(hooks()).toEqual(bothHooks);
    const jobPid = readFileSync(written('job-pid'), 'utf8').trim();
    await until(() => statOf(jobPid).state === 'gone');
    expect(existsSync(written('whole'))).toBe(false);
  });

  it('does not begin a job once it is told to end', async () => {
    const { runner, queue, outcome, hooks, written } = await world({ startedHook: 'kill -INT "$PPID"' });
    queue('touch ../ran');
    expect(await runner.ended).toBe(0);
    expect(outcome()).toEqual(['completed failure mine']);
    expect(existsSync(written('ran'))).toBe(false);
    expect(hooks()).toEqual(bothHooks);
  });

  it('goes offline on SIGINT while it waits, with no job', async () => {
    const { github, runner, online, hooks } = await world();
    await online();
    runner.interrupt('SIGINT');
    expect(await runner.ended).toBe(0);
    expect(await github.runners()).toMatchObject([{ name: 'mine', status: 'offline', busy: false }]);
    expect(hooks()).toEqual(['']);
  });

  it('ends a job that its user cancels', async () => {
    const { github, runner, queue, outcome, hooks, written } = await world();
    const run = queue('touch ../began; sleep 15; touch ../whole');
    await until(() => existsSync(written('began')));
    expect((await github.send('POST', `${actions}/runs/${run.id}/cancel`)).status).toBe(202);
    expect(await runner.ended).toBe(0);
    expect(outcome()).toEqual(['completed cancelled mine']);
    expect(hooks()).toEqual(bothHooks);
    expect(existsSync(written('whole'))).toBe(false);
  });

  it('shows no secret in a command line, from its start to its end', async () => {
    const { github, jitConfig, runner, queue, outcome } = await world();
    const seen = new Set<string>();
    const look = (): string[] => {
      const lines = commandLines(runner.group);
      for (const line of lines) seen.add(line);
      return lines;
    };
    await until(() => look().some((line) => /curl .*\/_runner\/message$/.test(line)), undefined, 5);
    const secret = github.control.runners()[0]?.secret ?? '';
    expect(secret).toMatch(/^\w{48}$/);
    queue('true');
    await until(() => look().length === 0, undefined, 5);
    expect(outcome()).toEqual(['completed success mine']);
    expect([...seen].some((line) => line.includes('run.sh'))).toBe(true);
    for (const line of seen) for (const word of [secret, jitConfig]) expect(line).not.toContain(word);
  });
});
