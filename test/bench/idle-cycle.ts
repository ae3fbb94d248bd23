/** What a cycle costs when nothing is to be done: points of GitHub's primary limit over 5 repositories, requests to Slurm. */
import { startWorld } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import type { Figure } from './figure.ts';
import { startCountingProxy } from './proxy.ts';

const repositories = Array.from({ length: 5 }, (_, index) => `acme/app-${index}`);
const cycles = 5;

export async function idleCycle(): Promise<Figure[]> {
  const world = await startWorld(
    {
      name: 'bench-idle',
      // Enough for this pace: else GitHub is polled more slowly than Slurm.
      simulator: { rateLimit: 1_000_000 },
      config: { repositories, pollInterval: '500ms' },
    },
    (url) => startCountingProxy(url),
  );
  const { github, proxy } = world;
  try {
    for (const repository of repositories) github.control.addRepository(repository);
    world.start();
    const listings = (): number => github.control.requests().length;
    // Two cycles to fill the cache of answers; then those that count.
    await until(() => listings() >= repositories.length * 2 * 2);
    const before = {
      points: github.control.pointsSpent(),
      listings: listings(),
      slurm: proxy?.calls.length ?? 0,
    };
    await until(() => listings() >= before.listings + repositories.length * 2 * cycles);
    const polls = (listings() - before.listings) / (repositories.length * 2);
    const points = (github.control.pointsSpent() - before.points) / polls;
    const calls = proxy?.calls.slice(before.slurm).map(({ call }) => call) ?? [];
    const slurm = calls.length / polls;
    return [
      {
        what: 'an idle cycle over 5 repositories: points of the primary limit',
        figure: `${points} (over ${polls} cycles)`,
        wanted: '0',
        met: points === 0,
      },
      {
        what: 'an idle cycle: requests to Slurm',
        figure: `${slurm.toFixed(1)} (${[...new Set(calls)].join(', ')})`,
        wanted: '1',
        met: calls.length <= polls + 1 && calls.length >= polls - 1 && new Set(calls).size === 1,
      },
    ];
  } finally {
    await world.stop();
  }
}
