import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { WrittenConfig } from '../support/write-config.ts';

export interface Checked {
  readonly code: number | string;
  readonly lines: readonly string[];
}

/** `gha-slurm check` as a process of its own. */
export function runCheck(
  { file }: WrittenConfig,
  { options = [], token = 't' }: { readonly options?: readonly string[]; readonly token?: string } = {},
): Promise<Checked> {
  const main = join(import.meta.dirname, '../../src/cli/main.js');
  const env = { GITHUB_TOKEN: token, PATH: process.env['PATH'] ?? '' };
  const args = [main, '--config', file, 'check', ...options];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env, timeout: 90_000 }, (error, stdout) =>
      resolve({ code: error === null ? 0 : (error.code ?? 1), lines: stdout.split('\n') }),
    );
  });
}
