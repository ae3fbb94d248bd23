/** `npm run demo`, as its users see it where there is no terminal. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { realSlurmMissing } from '../support/with-real-slurm.ts';

/** What the README promises. */
const mostMs = 180_000;

it.skipIf(realSlurmMissing !== null)('the demo ends with 0, its table and its totals', async () => {
  const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
    execFile(process.execPath, [join(import.meta.dirname, 'main.ts')], { timeout: mostMs }, (error, out) =>
      resolve({ code: error === null ? 0 : error.code, stdout: out }),
    );
  });
  expect(stdout).toContain('24 succeeded, 24 runners, 0 doubled, 0 left in Slurm, 0 registrations left');
  expect(stdout).toMatch(/killed the service with SIGKILL, and started it again/);
  expect(stdout).toMatch(/rejected: It names 2 size labels/);
  expect(code).toBe(0);
});
