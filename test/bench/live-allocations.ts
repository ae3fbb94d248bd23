/** 1,000 allocations that wait in Slurm: what a poll asks of Slurm, and how much memory the service takes. */
import { readFileSync } from 'node:fs';
import { repository, startWorld } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { cpuMs } from './cpu-ms.ts';
import { type Figure, seconds } from './figure.ts';
import { startCountingProxy } from './proxy.ts';

const count = 1_000;

export async function liveAllocations(): Promise<Figure[]> {
  // A node with one CPU, so that all but one wait.
  const options = { name: 'bench-live', cluster: { cpus: 1 }, config: { pollInterval: '1s' } };
  const world = await startWorld(options, (url) => startCountingProxy(url));
  const { github, proxy } = world;
  const calls = proxy?.calls ?? [];
  try {
    for (let run = 0; run < count / 250; run += 1) {
      const jobs = Array.from({ length: 250 }, (_, index) => ({
        name: `job-${index}`,
        labels: ['slurm-small'],
        commands: 'sleep 600',
      }));
      github.control.createRun(repository, `build-${run}`, jobs);
    }
    const service = world.start();
    const acknowledged = () =>
      calls.filter(({ call, status }) => call === 'POST /job/submit' && status === 200);
    await until(() => acknowledged().length >= count, 120_000, 100);
    const submits = acknowledged();
    const submitsMs = (submits.at(-1)?.atMs ?? 0) - (submits[0]?.atMs ?? 0);
    const mark = calls.length;
    const pollsSeen = () => calls.slice(mark).filter(({ call }) => call === 'GET /jobs/state/').length;
    const cpuBefore = cpuMs(service.pid);
    const begunMs = performance.now();
    await until(() => pollsSeen() >= 10, 60_000, 100);
    const cpu = (cpuMs(service.pid) - cpuBefore) / pollsSeen();
    // A poll comes no sooner than a second after the one before.
    const turns = (performance.now() - begunMs) / 1_000;
    const others = calls.slice(mark).filter(({ call }) => call !== 'GET /jobs/state/');
    const memoryMb =
      Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))?.[1]) / 1_024;
    return [
      {
        what: '1,000 submits, each with its intent on disk before',
        figure: seconds(submitsMs),
        wanted: 'for information',
        met: true,
      },
      {
        what: 'monitoring 1,000 allocations: calls to Slurm a poll',
        figure: `${(pollsSeen() / turns).toFixed(2)} GET /jobs/state/ (${turns.toFixed(1)} polls; beside them ${others.length} looks at the oldest that waits)`,
        wanted: '1 a poll',
        // One look a minute at the oldest waiting allocation of the pool is not part of monitoring.
        met: pollsSeen() <= turns + 1 && others.length <= 1,
      },
      {
        what: 'the same: CPU of the service a second, both polls',
        figure: `${cpu.toFixed(0)} ms`,
        wanted: 'for information',
        met: true,
      },
      {
        what: 'memory of the service with 1,000 live allocations',
        figure: `${memoryMb.toFixed(0)} MiB resident at most`,
        wanted: '150 MB at most',
        met: memoryMb * 1.048_576 <= 150,
      },
    ];
  } finally {
    await world.stop();
  }
}
