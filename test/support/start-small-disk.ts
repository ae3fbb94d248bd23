/**
 * A disk of its own, of any size, that a test can fill: a tmpfs in a mount namespace that ends with its last process. The one
 * that holds it ends with this process, however that ends, so no mount is ever left behind.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  /** Where the programs that are started by way of `enter` see it. */
  readonly path: string;
  /** Before a command's argv: runs it where the disk is. */
  readonly enter: readonly string[];
  /** Takes all room that is left. */
  fill(): void;
  free(): void;
  stop(): Promise<void>;
}

/** Takes root. @throws Error when it can't be mounted. */
export async function startSmallDisk(sizeKiB: number): Promise<SmallDisk> {
  const path = mkdtempSync(join(tmpdir(), 'gha-slurm-disk-'));
  const mount = `mount -t tmpfs -o mode=0700,size=${sizeKiB}k small-disk "$1" && echo mounted && exec cat`;
  const holder = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', mount, 'small-disk', path],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const ended = once(holder, 'exit');
  const first = await Promise.race([once(holder.stdout, 'data'), ended]);
  if (String(first[0]).trim() !== 'mounted') throw new Error(`tmpfs can't be mounted at ${path}`);
  const ballast = `/proc/${holder.pid}/root${path}/ballast`;
  return {
    path,
    enter: ['nsenter', '--target', String(holder.pid), '--mount', '--'],
    fill() {
      const file = openSync(ballast, 'w');
      const page = Buffer.alloc(4_096);
      try {
        while (writeSync(file, page) > 0);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast),
    async stop() {
      holder.stdin.end();
      await ended;
      rmSync(path, { recursive: true });
    },
  };
}
