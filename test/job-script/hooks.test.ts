import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { grantClaim, paths, startJob } from './start-job.ts';

describe("the site's hooks", () => {
  const events = ['beforeClaim', 'jobStarted', 'jobCompleted', 'exit'] as const;
  /** Scripts that the site has on the node; `$SEEN` is the runner's. */
  function siteHooks(scripts: Partial<Record<(typeof events)[number], string>>, seconds = 20): string {
    const folder = temporaryFolder();
    return Object.entries(scripts)
      .map(([event, script]) => {
        const file = join(folder, event);
        writeFileSync(file, `#!/bin/bash\n${script}\n`, { mode: 0o755 });
        return `${event} ${seconds} ${file}`;
      })
      .join('\n');
  }
  const runsAJob =
    '"$ACTIONS_RUNNER_HOOK_JOB_STARTED"; echo $? > "$SEEN/started"; "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED"; echo $? > "$SEEN/finished"';
  const said = (job: { readonly seen: string }, name: string): string =>
    readFileSync(join(job.seen, name), 'utf8').trim();

  it('run in their places, in order, with no token, and leave nothing', async () => {
    const trace = join(temporaryFolder(), 'trace');
    const note = (event: string): string =>
      `echo ${event} "$([ -d "$GHA_SLURM_WORK_FOLDER" ] && echo on the node)$GITHUB_JOB" >> ${trace}; env >> ${trace}.env`;
    const job = await startJob(
      `export GITHUB_JOB=build; echo runner >> ${trace}; ${runsAJob}`,
      (request) => {
        if (request.path.endsWith('/claim')) appendFileSync(trace, 'claim\n');
        return grantClaim(request);
      },
      {
        env: { GHA_SLURM_HOOKS: siteHooks(Object.fromEntries(events.map((event) => [event, note(event)]))) },
      },
    );
    expect(await job.ended).toBe(0);
    expect(readFileSync(trace, 'utf8').trim().split('\n')).toEqual([
      'beforeClaim on the node',
      'claim',
      'runner',
      'jobStarted build',
      'jobCompleted build',
      'exit on the node',
    ]);
    expect(readFileSync(`${trace}.env`, 'utf8')).not.toMatch(/claim-token|event-token/);
    expect([said(job, 'started'), said(job, 'finished')]).toEqual(['0', '0']);
    expect(paths(job.requests)).toEqual(['/claim', '/events started', '/events finished', '/events exit']);
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  it.each([
    ['fails', 'echo no licence server; exit 3', 20, 'the hook beforeClaim ended with 3: no licence server '],
    ['takes too long', 'sleep 300', 1, 'the hook beforeClaim ended with 124: it took longer than 1 s '],
  ])('before the claim, one that %s: said before the claim', async (_what, script, seconds, reason) => {
    const job = await startJob('true', grantClaim, {
      env: { GHA_SLURM_HOOKS: siteHooks({ beforeClaim: script }, seconds) },
    });
    expect(await job.ended).toBe(69);
    expect(paths(job.requests)).toEqual(['/unfit', '/output']);
    expect(job.requests[0]?.form['reason']).toBe(reason);
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  it('one that is not there: said before the claim', async () => {
    const job = await startJob('true', grantClaim, { env: { GHA_SLURM_HOOKS: 'exit 20 /nowhere/hook' } });
    expect(await job.ended).toBe(69);
    expect(job.requests[0]?.form['reason']).toBe(
      'the hook /nowhere/hook is not here, or not executable: see runner.hooks.exit',
    );
  });

  it.each([
    ['fail', 'exit 3', 20, '3', ''],
    ['take too long', 'sleep 300', 1, '124', 'took longer than 1 s'],
  ])(
    'around the job, those that %s: GitHub is told by their status, and the service of the job all the same',
    async (_what, script, seconds, status, words) => {
      const job = await startJob(runsAJob, grantClaim, {
        env: { GHA_SLURM_HOOKS: siteHooks({ jobStarted: script, jobCompleted: script }, seconds) },
      });
      expect(await job.ended).toBe(0);
      expect([said(job, 'started'), said(job, 'finished')]).toEqual([status, status]);
      expect(job.output()).toContain(words);
      expect(paths(job.requests)).toEqual(['/claim', '/events started', '/events finished', '/events exit']);
    },
  );

  it('at the end, one that takes too long is killed, whatever it makes of signals', async () => {
    const job = await startJob('true', grantClaim, {
      env: { GHA_SLURM_HOOKS: siteHooks({ exit: 'trap "" TERM; sleep 300' }, 1) },
    });
    expect(await job.ended).toBe(0);
    expect(job.output()).toMatch(/the hook exit ended with (124|137)/);
    expect(readdirSync(job.scratch)).toEqual([]);
  });
});
