import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

const store = join(import.meta.dirname, '../../src/store');

/**
 * A process that has the database open as the service has it, and makes one allocation after the other, each durable, until it is killed.
 * It goes with the test.
 */
export async function startWriter(path: string): Promise<ChildProcess> {
  const program = `
    import { openStore } from ${JSON.stringify(join(store, 'open-store.ts'))};
    import { insertAllocation } from ${JSON.stringify(join(store, 'allocation-rows.ts'))};
    const { db } = openStore({ path: ${JSON.stringify(path)}, allowNetworkFileSystem: true });
    const pool = { key: 'p', scope: 'acme/app', profile: 'slurm-small', labels: ['slurm-small'] };
    let count = 0;
    const write = () => {
      count += 1;
      const id = 'written-' + count;
      const allocation = { id, pool, slurmJobName: 'gha-x-' + id, claimTokenHash: 'hash', slurmUser: null, madeForJobId: 1, atMs: count };
      db.transaction((tx) => insertAllocation(tx, allocation));
      if (count === 20) console.log('writing');
      setImmediate(write);
    };
    write();`;
  const writer = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void writer.kill('SIGKILL'));
  await once(writer.stdout, 'data');
  return writer;
}
