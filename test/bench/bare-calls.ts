/** The same calls as bare fetches, without a database or a thought: what this slurmrestd gives on this machine. */
import type { Cluster } from '../../slurm/cluster/cluster.ts';
import { jobScript } from '../../src/cli/launches.ts';
import { submitBody } from '../../src/slurm/submit-body.ts';

/** The service's own batch script, which ends at once without what it is told by its environment. */
const ownScript = jobScript({ kind: 'command', docker: null });
/** Known by every release that is measured. */
const version = 'v0.0.42';
const concurrencies = [8, 16, 32, 64] as const;

/** Submits jobs of these names, so many at once. @returns their ids, in the order of the names, and milliseconds. */
export async function bareSubmits(
  cluster: Cluster,
  names: readonly string[],
  concurrency: number,
): Promise<{ readonly ids: readonly number[]; readonly ms: number }> {
  const ids: number[] = [];
  const ms = await inTurn(names, concurrency, async (name, index) => {
    const answer = await call(cluster, 'POST', '/job/submit', bodyOf(cluster, name));
    ids[index] = (answer as { job_id: number }).job_id;
  });
  return { ids, ms };
}

/** Takes the only CPU for longer than a measurement lasts, so that all others wait. */
export async function holdCpu(cluster: Cluster): Promise<void> {
  await call(cluster, 'POST', '/job/submit', bodyOf(cluster, 'holder', '#!/bin/sh\nexec sleep 600\n'));
}

/** Cancels them, each by id and name. @returns milliseconds. */
export function bareCancels(
  cluster: Cluster,
  jobs: readonly { readonly id: number; readonly name: string }[],
  concurrency: number,
): Promise<number> {
  return inTurn(jobs, concurrency, async ({ id, name }) => {
    const body = { jobs: [String(id)], job_name: name, user_name: cluster.user };
    await call(cluster, 'DELETE', '/jobs/', body);
  });
}

export interface BareRates {
  /** Calls a second, by how many are under way at once. */
  readonly submits: ReadonlyMap<number, number>;
  readonly cancels: ReadonlyMap<number, number>;
}

/** What the bare loop does at each concurrency, for submits and for cancels; the jobs are gone afterwards. */
export async function bareRates(cluster: Cluster, count: number): Promise<BareRates> {
  const submits = new Map<number, number>();
  const cancels = new Map<number, number>();
  for (const concurrency of concurrencies) {
    const names = Array.from({ length: count }, (_, index) => `bare-${concurrency}-${index}`);
    const { ids, ms } = await bareSubmits(cluster, names, concurrency);
    const jobs = ids.map((id, index) => ({ id, name: names[index] ?? '' }));
    const cancelMs = await bareCancels(cluster, jobs, concurrency);
    submits.set(concurrency, (count / ms) * 1_000);
    cancels.set(concurrency, (count / cancelMs) * 1_000);
  }
  return { submits, cancels };
}

async function inTurn<T>(
  items: readonly T[],
  concurrency: number,
  act: (item: T, index: number) => Promise<void>,
): Promise<number> {
  const begunMs = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      await act(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return performance.now() - begunMs;
}

async function call(cluster: Cluster, method: string, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${cluster.url}/slurm/${version}${path}`, {
    method,
    headers: { 'X-SLURM-USER-TOKEN': cluster.mintToken(), 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`);
  return response.json();
}

function bodyOf(cluster: Cluster, name: string, script = ownScript): object {
  return submitBody({
    name,
    user: null,
    profile: { name: 'bare', partition: cluster.partition, cpus: 1, memoryMiB: 256, timeLimitMinutes: 10 },
    script,
    environment: { PATH: '/usr/bin:/bin' },
    workingDirectory: '/tmp',
    output: '/dev/null',
    timeLimitWarningSeconds: 60,
  });
}
