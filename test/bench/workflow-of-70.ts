/** A workflow of 70 queued jobs, with GitHub 250 ms away: how long from the poll that sees them until all are in Slurm. */
import { repository, startWorld } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { bareSubmits } from './bare-calls.ts';
import { type Figure, seconds } from './figure.ts';

const jobs = 70;

export async function workflowOf70(): Promise<Figure[]> {
  const world = await startWorld({
    name: 'bench-70',
    simulator: { latencyMs: 250 },
    config: { pollInterval: '5s' },
  });
  try {
    const names = Array.from({ length: jobs }, (_, index) => `bare-${index}`);
    const { ms: bareMs } = await bareSubmits(world.cluster, names, 8);
    world.github.control.createRun(
      repository,
      'build',
      Array.from({ length: jobs }, (_, index) => ({
        name: `job-${index}`,
        labels: ['slurm-small'],
        commands: 'true',
      })),
    );
    const startedMs = Date.now();
    world.start();
    await until(
      () => world.log().filter(({ msg }) => msg === 'Slurm job submitted').length === jobs,
      60_000,
      50,
    );
    const log = world.log();
    const at = (message: string, last = false): number => {
      const records = log.filter(({ msg }) => msg === message);
      return Date.parse(String((last ? records.at(-1) : records[0])?.['time']));
    };
    // The first poll begins right after the service says that it serves.
    const firstPollMs = at('serving') - startedMs;
    const allMs = at('Slurm job submitted', true) - at('serving');
    const submitsMs = at('Slurm job submitted', true) - at('plan carried out');
    return [
      {
        what: 'start to first poll',
        figure: seconds(firstPollMs),
        wanted: '1 s at most',
        met: firstPollMs <= 1_000,
      },
      {
        what: '70 queued jobs, GitHub 250 ms away: from the start of the poll that sees them to all in Slurm',
        figure: seconds(allMs),
        wanted: '5 s at most (the seed: 125 s)',
        met: allMs <= 5_000,
      },
      {
        what: 'the same 70 submits, beside a bare loop of fetches at the same concurrency',
        figure: `${seconds(submitsMs)}, bare ${seconds(bareMs)}, ratio ${(bareMs / submitsMs).toFixed(2)}`,
        wanted: 'for information',
        met: true,
      },
    ];
  } finally {
    await world.stop();
  }
}
