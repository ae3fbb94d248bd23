/** A node whose scratch folder is of no use: said before the claim, over whichever way the service is asked. */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startSmallDisk } from '../support/start-small-disk.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { grantClaim, paths, startJob } from './start-job.ts';
import { partsOf, startMailboxJob } from './start-mailbox.ts';

const unusable: readonly (readonly [what: string, make: (folder: string) => string, reason: string])[] = [
  [
    'is not there',
    (folder) => join(folder, 'absent'),
    'absent is not there, or no folder: see runner.scratch',
  ],
  [
    'is a file',
    (folder) => {
      writeFileSync(join(folder, 'file'), '');
      return join(folder, 'file');
    },
    'file is not there, or no folder: see runner.scratch',
  ],
  ...[`it's`, 'a"b', '$HOME', 'a\\b', 'two words', 'a\nb', '[a]*'].map((name) => {
    const make = (folder: string): string => {
      mkdirSync(join(folder, name));
      return join(folder, name);
    };
    return [
      `is called ${JSON.stringify(name)}`,
      make,
      'has spaces, quotes, commas, colons, backslashes',
    ] as const;
  }),
];

describe.each(unusable)('a scratch folder that %s', (_what, make, reason) => {
  it('is said before the claim', async () => {
    const job = await startJob('true', grantClaim, { env: { TMPDIR: make(temporaryFolder()) } });
    expect(await job.ended).toBe(69);
    expect(paths(job.requests)).toEqual(['/unfit']);
    expect(job.requests[0]?.form['reason']).toContain(reason);
  });
});

it('the same is said through the mailbox', async () => {
  const job = await startMailboxJob('true', ({ sequence }) => partsOf(sequence, '204\n\n'), {
    env: { TMPDIR: join(temporaryFolder(), 'absent') },
  });
  expect(await job.ended).toBe(69);
  expect(job.questions).toHaveLength(1);
  expect(job.questions[0]?.text).toMatch(/^unfit\n.*\n.*absent%20is%20not%20there/);
  expect(job.comment()).toBe('of the site');
});

it.each([0, 8_192])(
  'a scratch folder with room for %i KiB: said before the claim, and nothing is left there',
  async (roomKiB) => {
    const disk = await startSmallDisk(roomKiB + 64);
    onTestFinished(() => disk.stop());
    if (roomKiB === 0) disk.fill();
    const job = await startJob('true', grantClaim, { env: { TMPDIR: disk.path }, enter: disk.enter });
    expect(await job.ended).toBe(69);
    expect(paths(job.requests)[0]).toBe('/unfit');
    expect(job.requests[0]?.form['reason']).toMatch(/No space left on device|has no room/);
    if (roomKiB === 0) disk.free();
    const next = await startJob('ls -A "$TMPDIR/../../.." > "$SEEN/list"', grantClaim, {
      env: { TMPDIR: disk.path },
      enter: disk.enter,
    });
    expect(await next.ended).toBe(69);
    expect(next.output()).not.toContain('deleting what a dead job has left');
  },
);

it('a scratch folder that is reached by a link: the kernel’s name is used', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'real'));
  symlinkSync('real', join(folder, 'link'));
  const job = await startJob('true', grantClaim, { env: { TMPDIR: `${join(folder, 'link')}/` } });
  expect(await job.ended).toBe(0);
  expect(job.requests[0]?.form['work_folder']).toBe(join(folder, 'real/gha-42-abc/work/_work'));
  expect(readdirSync(join(folder, 'real'))).toEqual([]);
});

it('a runner that can not be copied: said before the claim', async () => {
  const installed = temporaryFolder();
  writeFileSync(join(installed, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  // A copy on a disk with no room for it.
  writeFileSync(join(installed, 'large'), Buffer.alloc(32 * 1_024 * 1_024));
  const disk = await startSmallDisk(20 * 1_024);
  onTestFinished(() => disk.stop());
  const job = await startJob('true', grantClaim, {
    env: { TMPDIR: disk.path, GHA_SLURM_RUNNER_COMMAND: join(installed, 'run.sh') },
    enter: disk.enter,
  });
  expect(await job.ended).toBe(69);
  expect(job.requests[0]?.form['reason']).toMatch(
    /^the runner in .* can't be copied: .*No space left on device/,
  );
});
