import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { missingRequirement } from '../../slurm/cluster/requirements.ts';

const asRoot = process.getuid?.() === 0;
const root = join(import.meta.dirname, '../..');

/** As an ordinary user: through setpriv where the tests run as root, and as they are otherwise. */
function slurmUp(): Promise<{ code: unknown; stderr: string }> {
  const up = [process.execPath, join(root, 'slurm/cluster/up.ts')];
  const [command = '', ...args] = asRoot
    ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', ...up]
    : up;
  return new Promise((resolve) => {
    execFile(command, args, { cwd: '/', env: { PATH: '/usr/bin:/bin' } }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    );
  });
}

it('where a cluster can not be started, slurm:up says what to do instead in one sentence, and exits with 69', async () => {
  const { code, stderr } = await slurmUp();
  expect(code).toBe(69);
  expect(stderr.trim().split('\n').length).toBe(1);
  expect(stderr).toMatch(
    /^A development cluster needs .*: .* or point slurm\.url of the configuration at the slurmrestd/,
  );
});

it('the tests on real Slurm run where it can run', () => {
  const missing = missingRequirement();
  if (process.env['REQUIRE_REAL_SLURM'] === '1') expect(missing).toBeNull();
  else expect(missing === null || missing.startsWith('A development cluster needs')).toBe(true);
});
