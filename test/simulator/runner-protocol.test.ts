import { describe, expect, it } from 'vitest';
import { RunnerProtocol } from './runner-protocol.ts';
import { actions, jobSpecs, simulatorForTest } from './simulator-for-test.ts';
import { SimulatorState } from './simulator-state.ts';

const labels = ['slurm-small'];

describe('the runner protocol', () => {
  it('makes a runner online, and offline', async () => {
    const github = await simulatorForTest();
    const runner = await github.mint('mine', labels);
    const session = async (method: string) => {
      const { status, text } = await github.asRunner(runner, method, '/session');
      return [status, text, (await github.runners())[0]?.status];
    };
    expect(await session('POST')).toEqual([200, 'mine\n', 'online']);
    expect(await session('DELETE')).toEqual([200, 'mine\n', 'offline']);
  });

  it('hands a job over as soon as there is one, and again when the answer was lost', async () => {
    const github = await simulatorForTest();
    const runner = await github.mint('mine', labels);
    const waiting = github.asRunner(runner, 'GET', '/message');
    const run = github.createRun([{ name: 'two\nlines', labels, commands: 'echo "a b"\n' }]);
    const { status, text } = await waiting;
    expect(status).toBe(200);
    expect(text.split('\n')).toEqual([
      `${github.control.jobs()[0]?.id}`,
      `${run.id}`,
      'acme/app',
      'two lines',
      Buffer.from('echo "a b"\n').toString('base64'),
      '',
    ]);
    expect((await github.asRunner(runner, 'GET', '/message')).text).toBe(text);
  });

  it('tells who waits that the registration is gone', async () => {
    const github = await simulatorForTest();
    const runner = await github.mint('mine', labels);
    const waiting = github.asRunner(runner, 'GET', '/message');
    await github.send('DELETE', `${actions}/runners/${runner.id}`);
    expect((await waiting).status).toBe(410);
    expect((await github.asRunner(runner, 'POST', '/session')).status).toBe(410);
  });

  it('knows a runner by its secret only', async () => {
    const github = await simulatorForTest();
    github.createRun(jobSpecs(1));
    const runner = await github.mint('mine', labels);
    for (const token of [`${runner.id}.guessed`, `${runner.id}`, github.token])
      for (const [method, path] of [['POST', '/session'] as const, ['GET', '/message'] as const])
        expect((await github.asRunner({ ...runner, token }, method, path)).status).toBe(410);
    expect(github.control.jobs()[0]?.status).toBe('queued');
    expect(github.control.runners()[0]?.online).toBe(false);
  });

  it('takes the report of a job from its own runner only', async () => {
    const github = await simulatorForTest();
    const run = github.createRun(jobSpecs(1));
    const [mine, other] = [await github.mint('mine', labels), await github.mint('other', labels)];
    const [job = ''] = (await github.asRunner(mine, 'GET', '/message')).text.split('\n');
    const report = async (runner: typeof mine) =>
      (await github.asRunner(runner, 'POST', `/jobs/${job}/complete`, 'success\n')).status;
    expect(await report(other)).toBe(409);
    expect(await github.run(run.id)).toMatchObject({ status: 'in_progress' });
    expect(await report(mine)).toBe(200);
    expect(await github.run(run.id)).toMatchObject({ status: 'completed', conclusion: 'success' });
    // Its answer may have been lost.
    expect(await report(mine)).toBe(200);
  });

  it('knows no other paths', async () => {
    const github = await simulatorForTest();
    const runner = await github.mint('mine', labels);
    for (const path of ['/elsewhere', '/jobs/1', '/jobs/1/complete'])
      expect((await github.asRunner(runner, 'POST', path)).status, path).toBe(404);
  });

  it('lets nobody wait longer than its time, nor beyond its end', async () => {
    const state = new SimulatorState({ wallMs: () => 0, lostAfterMs: 1 });
    const runner = state.addRunner('acme/app', 'mine', labels);
    const credential = `${runner?.id}.${runner?.secret}`;
    const ask = (protocol: RunnerProtocol) => protocol.handle('GET', '/_runner/message', credential, '');
    expect((await ask(new RunnerProtocol(state, 1))).status).toBe(204);
    const patient = new RunnerProtocol(state, 3_600_000);
    const waiting = ask(patient);
    patient.stop();
    expect((await waiting).status).toBe(204);
  });
});
