import type { Cluster } from '../../slurm/cluster/cluster.ts';
import { submitBody } from '../../src/slurm/submit-body.ts';

/** Submits by bare fetches, at the concurrency that the service uses: what slurmrestd gives here. @returns milliseconds. */
export async function bareSubmits(cluster: Cluster, count: number, concurrency: number): Promise<number> {
  const token = cluster.mintToken();
  const body = JSON.stringify(
    submitBody({
      name: 'bare',
      user: null,
      profile: { name: 'bare', partition: cluster.partition, cpus: 1, memoryMiB: 256, timeLimitMinutes: 10 },
      script: '#!/bin/bash\nexit 0\n',
      environment: { PATH: '/usr/bin:/bin' },
      workingDirectory: '/tmp',
      output: '/dev/null',
      timeLimitWarningSeconds: 60,
    }),
  );
  let left = count;
  const begunMs = performance.now();
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const response = await fetch(`${cluster.url}/slurm/v0.0.42/job/submit`, {
        method: 'POST',
        headers: { 'X-SLURM-USER-TOKEN': token, 'Content-Type': 'application/json' },
        body,
      });
      if (!response.ok) throw new Error(`submit answered ${response.status}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return performance.now() - begunMs;
}
