/**
 * 1,000 queued jobs into Slurm, and 1,000 pending allocations out of it, beside a bare loop of fetches on the same slurmrestd. The
 * two take turns, and the medians are compared: what else the machine does then comes to both.
 */
import Database from 'better-sqlite3';
import type { Release } from '../../slurm/cluster/root-file-system.ts';
import { repository, startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { type BareRates, bareRates } from './bare-calls.ts';
import { type Figure, seconds } from './figure.ts';

const count = 1_000;
const bareCount = 400;
const rounds = 5;
const jobsOfRun = 250;
const warmUp = 500;
const timeLimitMs = 120_000;
const recorded = 'select count(*) from allocations where slurm_job_id is not null';
const open = "select count(*) from allocations where state <> 'ended'";

export async function throughput(release: Release): Promise<Figure[]> {
  // One CPU: all but one wait. The first poll sees all jobs, and the loop has nothing else to do.
  const world = await startWorld({
    name: `bench-throughput-${release}`,
    cluster: { release, cpus: 1 },
    simulator: { rateLimit: 1_000_000 },
    config: { pollInterval: '2s', surplusGrace: '100ms' },
  });
  try {
    world.start();
    const database = new Database(world.config.databaseFile, { readonly: true });
    const counted = (query: string): number => Number(database.prepare(query).pluck().get());
    const round = async (jobs: number): Promise<{ submitMs: number; cancelMs: number }> => {
      const mark = world.log().length;
      const before = counted(recorded);
      queueJobs(world, jobs);
      await until(() => counted(recorded) >= before + jobs, timeLimitMs, 250);
      const submitMs = spanMs(world, mark, 'submits', 'Slurm job submitted');
      for (const job of world.github.control.jobs()) world.github.control.cancelJob(job.id);
      // The one that runs is claimed by a runner, or refused its claim.
      await until(() => counted(open) === 0, timeLimitMs, 250);
      return { submitMs, cancelMs: spanMs(world, mark, 'releases', 'Slurm job cancelled') };
    };
    // Code that has just been loaded is not compiled yet.
    await round(warmUp);
    await bareRates(world.cluster, bareCount);
    const bare: BareRates[] = [];
    const ours: { submitMs: number; cancelMs: number }[] = [];
    for (let turn = 0; turn < rounds; turn += 1) {
      bare.push(await bareRates(world.cluster, bareCount));
      ours.push(await round(count));
    }
    database.close();
    const submitMs = median(ours.map((one) => one.submitMs));
    const cancelMs = median(ours.map((one) => one.cancelMs));
    const [submits, cancels] = [bare.map((one) => one.submits), bare.map((one) => one.cancels)];
    return [
      ratio(release, `${count} queued jobs to ${count} recorded Slurm job ids`, submitMs, best(submits)),
      ratio(release, `${count} pending allocations cancelled, each by id and name`, cancelMs, best(cancels)),
      {
        what: `Slurm ${release}: the same cancels`,
        figure: seconds(cancelMs),
        wanted: '5 s at most',
        met: cancelMs <= 5_000,
      },
    ];
  } finally {
    await world.stop();
  }
}

export function queueJobs({ github }: World, jobs: number): void {
  for (let run = 0; run < jobs / jobsOfRun; run += 1) {
    const specs = Array.from({ length: jobsOfRun }, (_, index) => ({
      name: `job-${index}`,
      labels: ['slurm-small'],
      commands: 'sleep 600',
    }));
    github.control.createRun(repository, `build-${run}`, specs);
  }
}

/** From the start of the first plan after `mark` that has any of these, its intents included, to the last effect. */
function spanMs(world: World, mark: number, intents: 'submits' | 'releases', effect: string): number {
  const log = world.log().slice(mark);
  const plan = log.find(({ msg, [intents]: number }) => msg === 'plan carried out' && Number(number) > 0);
  const last = log.findLast(({ msg }) => msg === effect);
  if (plan === undefined || last === undefined) throw new Error(`the log has no "${effect}"`);
  return Date.parse(String(last['time'])) - Date.parse(String(plan['time'])) + Number(plan['tookMs']);
}

interface Best {
  readonly rate: number;
  readonly atOnce: number;
}

/** The concurrency at which the bare loop's median is greatest. */
function best(rounds: readonly ReadonlyMap<number, number>[]): Best {
  const concurrencies = [...(rounds[0]?.keys() ?? [])];
  return concurrencies
    .map((atOnce) => ({ atOnce, rate: median(rounds.map((rates) => rates.get(atOnce) ?? 0)) }))
    .reduce((a, b) => (b.rate > a.rate ? b : a));
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function ratio(release: Release, what: string, ms: number, bare: Best): Figure {
  const rate = (count / ms) * 1_000;
  return {
    what: `Slurm ${release}: ${what}`,
    figure: `${seconds(ms)}, ${rate.toFixed(0)}/s; bare ${bare.rate.toFixed(0)}/s at ${bare.atOnce} at once; ratio ${(rate / bare.rate).toFixed(2)} (medians of ${rounds})`,
    wanted: '0.80 of the bare loop',
    met: rate / bare.rate >= 0.8,
  };
}
