/** Workflow jobs of one test among others in the same world, and what became of them: each ran once, or it is said how not. */
import { randomUUID } from 'node:crypto';
import type { StateView } from '../../src/controller/describe-state.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import { leftBehind } from './left-behind.ts';
import { listSlurmJobs } from './list-slurm-jobs.ts';
import { repository, type World } from './start-world.ts';
import { until } from './until.ts';

export type AllocationView = StateView['allocations'][number];

/** Workflow jobs at work, for as long as a test wants: whatever happens meanwhile, they go on, and once each. */
export interface HeldJobs {
  readonly jobs: readonly SimulatedJob[];
  /** Whether GitHub has all of them in progress. */
  stillRun(): boolean;
  /** Lets them end. */
  open(): Promise<void>;
}

export interface Workload {
  queue(count: number, label: string, commands?: string): SimulatedJob[];
  /** Resolves when so many jobs are at work, on GitHub and in the service's eyes. */
  hold(count: number, label?: string): Promise<HeldJobs>;
  /** The one that serves the job: proven once the job has started, nominal before. */
  allocationOf(job: SimulatedJob): Promise<AllocationView | undefined>;
  /** Made since the workload began; default: of all profiles. */
  allocations(profile?: string): Promise<readonly AllocationView[]>;
  /**
   * Waits until every workflow job is over and nothing is left behind.
   * @returns what is left, and every workflow job that did not run exactly once in exactly one Slurm job; empty when all is well.
   */
  finish(timeLimitMs?: number): Promise<string[]>;
}

export async function startWorkload(world: World): Promise<Workload> {
  const { control } = world.github;
  const mark = control.events().length;
  const before = new Set((await world.state())?.allocations.map(({ id }) => id));
  const jobs: SimulatedJob[] = [];
  let runs = 0;

  const allocations = async (only?: string): Promise<AllocationView[]> =>
    ((await world.state())?.allocations ?? []).filter(
      ({ id, profile }) => !before.has(id) && (only === undefined || profile === only),
    );

  /** Every start, every runner and every Slurm job since the beginning, against one of each for a workflow job. */
  async function doubled(): Promise<string[]> {
    const events = control.events().slice(mark);
    const made = await allocations();
    const slurmJobs = await listSlurmJobs(world.cluster);
    const served = jobs
      .filter((job) => job.startedAtMs !== null)
      .flatMap((job) => {
        const starts = events.filter(({ kind, jobId }) => kind === 'job started' && jobId === job.id).length;
        const own = made.filter(({ runnerName }) => runnerName === job.runnerName);
        // A slurmctld that lost a job, and one whose record has gone, know none of the name.
        const ran = slurmJobs.filter(({ name }) => own.some(({ id }) => name.endsWith(`-${id}`)));
        return starts === 1 && own.length === 1 && ran.length <= 1
          ? []
          : [
              `${job.name} (${job.id}): ${starts} starts, ${own.length} allocations, ${ran.length} Slurm jobs`,
            ];
      });
    const took = new Set(
      events.flatMap(({ kind, runner }) => (kind === 'job started' && runner !== undefined ? [runner] : [])),
    );
    const idle = events.filter(
      ({ kind, runner = '' }) =>
        kind === 'runner registered' && runner.startsWith('gha-') && !took.has(runner),
    );
    return [...served, ...idle.map(({ runner }) => `${runner} was registered and took no job`)];
  }

  const workload: Workload = {
    allocations,

    queue(count, label, commands = 'true') {
      runs += 1;
      const run = control.createRun(
        repository,
        label,
        Array.from({ length: count }, (_, index) => ({
          name: `${label}-${runs}-${index}`,
          labels: ['self-hosted', label],
          commands,
        })),
      );
      const queued = control.jobs().filter((job) => job.runId === run.id);
      jobs.push(...queued);
      return queued;
    },

    async hold(count, label = 'slurm-small') {
      const gate = `/tmp/open-${randomUUID()}`;
      const held = workload.queue(count, label, `while [ ! -e ${gate} ]; do sleep 0.1; done`);
      const stillRun = () => held.every(({ status }) => status === 'in_progress');
      await until(async () => {
        if (!stillRun()) return false;
        const serving = await Promise.all(held.map(workload.allocationOf));
        return serving.every((allocation) => allocation?.state === 'busy');
      });
      return {
        jobs: held,
        stillRun,
        async open() {
          const { code, stderr } = await world.cluster.exec(['touch', gate]);
          if (code !== 0) throw new Error(`touch: ${stderr}`);
        },
      };
    },

    async allocationOf(job) {
      const state = await world.state();
      if (job.runnerName !== null) {
        return state?.allocations.find(({ runnerName }) => runnerName === job.runnerName);
      }
      const id = state?.jobs.find((candidate) => candidate.id === job.id)?.allocationId;
      return state?.allocations.find((allocation) => allocation.id === id);
    },

    async finish(timeLimitMs = 60_000) {
      const over = async () =>
        jobs.every((job) => job.status === 'completed') && (await leftBehind(world)).length === 0;
      await until(over, timeLimitMs, 100).catch(() => undefined);
      const open = jobs.filter((job) => job.status !== 'completed');
      return [
        ...open.map((job) => `${job.name} is ${job.status}`),
        ...(await leftBehind(world)),
        ...(await doubled()),
      ];
    },
  };
  return workload;
}

export const conclusions = (jobs: readonly (SimulatedJob | undefined)[]): (string | null | undefined)[] =>
  jobs.map((job) => job?.conclusion);
