/** The table and the totals, taken from GitHub's side, from Slurm itself and from the service, and held against each other. */
import Table from 'cli-table3';
import type { Cluster } from '../../slurm/cluster/cluster.ts';
import { slurmJobNameOf } from '../support/slurm-job-name-of.ts';
import type { SimulatorProcess } from './spawn-simulator.ts';

interface ServiceState {
  readonly jobs: readonly { readonly id: number; readonly status: string; readonly reason?: string }[];
  readonly allocations: readonly {
    readonly profile: string;
    readonly slurmJobId: number | null;
    readonly runnerName: string | null;
    readonly outcome?: string;
  }[];
}

export interface ReportParts {
  readonly cluster: Cluster;
  readonly github: SimulatorProcess;
  readonly adminUrl: string;
  readonly killed: boolean;
  readonly cancelled: boolean;
}

const seconds = (fromMs: number | null, toMs: number | null): string =>
  fromMs === null || toMs === null ? '' : `${((toMs - fromMs) / 1_000).toFixed(1)} s`;

/** True when everything that the demo promises holds. */
export async function report({
  cluster,
  github,
  adminUrl,
  killed,
  cancelled,
}: ReportParts): Promise<boolean> {
  const state = (await (await fetch(`${adminUrl}/api/state`)).json()) as ServiceState;
  const jobs = await github.jobs();
  const byRunner = new Map(state.allocations.map((allocation) => [allocation.runnerName, allocation]));
  const table = new Table({
    head: ['job', 'profile', 'Slurm job', 'runner', 'waited', 'ran', 'conclusion'],
    style: { head: [], border: [] },
  });
  for (const job of jobs) {
    const allocation = job.runnerName === null ? undefined : byRunner.get(job.runnerName);
    const rejected = state.jobs.find(({ id, status }) => id === job.id && status === 'rejected');
    table.push([
      job.name,
      allocation?.profile ?? '',
      String(allocation?.slurmJobId ?? ''),
      job.runnerName ?? '',
      seconds(job.createdAtMs, job.startedAtMs),
      seconds(job.startedAtMs, job.runnerName === null ? null : job.completedAtMs),
      rejected === undefined ? (job.conclusion ?? job.status) : 'rejected',
    ]);
  }
  console.log(table.toString());
  const rejectedReason = state.jobs.find(({ status }) => status === 'rejected')?.reason;
  if (rejectedReason !== undefined) console.log(`rejected: ${rejectedReason}`);

  const allInSlurm = (await cluster.exec(['squeue', '--noheader', '--states=all', '--format=%i %T'])).stdout
    .trim()
    .split('\n');
  const succeeded = jobs.filter((job) => job.conclusion === 'success');
  const runners = new Set(succeeded.map((job) => job.runnerName));
  const events = await github.events();
  const registered = events.flatMap(({ kind, runner }) =>
    kind === 'runner registered' && runner ? [runner] : [],
  );
  const allocations = new Set(registered.map(slurmJobNameOf));
  const starts = events.filter(({ kind }) => kind === 'job started').length;
  // One Slurm job for each of the 24, and one for the job that was cancelled while it waited.
  const doubled = Math.abs(allInSlurm.length - 25) + Math.abs(allocations.size - 24) + Math.abs(starts - 24);
  // The answer to a mint can die with the service. Nobody holds that registration: the next claim gets another, and it is deleted.
  const unheard = registered.length - allocations.size;
  if (unheard > 0)
    console.log(
      `the kill cut off ${unheard} registrations: made again under the next name, the first deleted`,
    );
  const left = allInSlurm.filter((line) => / (PENDING|RUNNING|COMPLETING)$/.test(line)).length;
  const registrations = (await github.runners()).length;
  console.log(
    `${succeeded.length} succeeded, ${runners.size} runners, ${doubled} doubled, ${left} left in Slurm, ${registrations} registrations left`,
  );
  return (
    [succeeded.length, runners.size].every((count) => count === 24) &&
    [doubled, left, registrations].every((count) => count === 0) &&
    rejectedReason !== undefined &&
    jobs.filter((job) => job.conclusion === 'cancelled').length === 1 &&
    killed &&
    cancelled
  );
}
