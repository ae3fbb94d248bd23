/**
 * Slurm jobs of ours that no live row holds. Nothing here knows what they do: a restored database has never heard of their claim. So a
 * cancel rests on no listing, which may lack a runner that is there, and on no memory:
 *
 * - one that does not run has no runner at work, and nobody grants it a claim while the service is stopped: it is cancelled;
 * - one that runs is cancelled when each registration that it can ever have had (`mostMints`) was asked for by its name, and is absent or
 *   deleted: so many requests for each, one more for each that is deleted, and none for what a listing shows at work;
 * - for that it takes the repository. Where nobody can tell that one, or it is not watched any more, the Slurm job is left.
 */
import { mostMints, ownerOfRunner, runnerName } from '../domain/names.ts';
import { findAllocation } from '../store/allocation-rows.ts';
import { liveAllocations } from '../store/live-allocations.ts';
import { runnersOf } from '../store/runner-rows.ts';
import type { Context } from './context.ts';
import { attempt, type Finding, type Result } from './finding.ts';
import type { RegisteredRunner, SlurmJobDetail } from './ports.ts';

export interface Registration extends RegisteredRunner {
  readonly scope: string;
}

interface Orphan {
  readonly job: SlurmJobDetail;
  readonly allocationId: string;
  /** What the listings of GitHub have of it. */
  readonly listed: readonly Registration[];
}

/** @param registrations of this instance, in the repositories that are watched. */
export async function endOrphans(
  context: Context,
  ours: readonly SlurmJobDetail[],
  registrations: readonly Registration[],
  dryRun: boolean,
): Promise<Finding[]> {
  const live = new Set(liveAllocations(context.store.db).map((row) => row.slurmJobName));
  const findings: Finding[] = [];
  for (const job of ours.filter(({ name }) => !live.has(name))) {
    const allocationId = allocationOf(job);
    const listed = registrations.filter(({ name }) => ownerOfRunner(name)?.allocation === allocationId);
    const what = `Slurm job ${job.id} (${job.name}) is ${job.states.join('+')}, and no live allocation holds it`;
    findings.push({ what, ...(await attempt(() => judge(context, { job, allocationId, listed }, dryRun))) });
  }
  return findings;
}

/** The last part of its name. */
export function allocationOf({ name }: SlurmJobDetail): string {
  return name.slice(name.lastIndexOf('-') + 1);
}

async function judge(context: Context, orphan: Orphan, dryRun: boolean): Promise<Result> {
  const { job, allocationId, listed } = orphan;
  const working = listed.find(({ busy }) => busy);
  if (working !== undefined)
    return { done: `left: its runner ${working.name} works on a job`, settled: true };
  if (listed.length === 0 && job.states.includes('PENDING')) {
    if (dryRun) return { done: 'would cancel it: it does not run', settled: false };
    await context.slurm.cancel(job);
    return { done: 'cancelled it: it does not run', settled: true };
  }
  const scope = findAllocation(context.store.db, allocationId)?.scope ?? listed[0]?.scope;
  if (scope === undefined)
    return {
      done: `left: no repository that is watched has a runner of it, so nobody can tell whether it works on a job of another one. It ends when it asks for its runner, or at its time limit; "scancel ${job.id}" ends it now`,
      settled: true,
    };
  if (!context.config.repositories.includes(scope))
    return {
      done: `left: it may work on a job of ${scope}, which is not in github.watch. Put that back and run this again, or end it with "scancel ${job.id}"`,
      settled: false,
    };
  if (dryRun)
    return {
      done: `would ask ${scope} for its registrations, deregister those without a job, and cancel it`,
      settled: false,
    };
  return endOrphan(context, orphan, scope);
}

async function endOrphan(context: Context, orphan: Orphan, scope: string): Promise<Result> {
  const { github, slurm } = context;
  const { job } = orphan;
  const deregistered: string[] = [];
  for (const name of possibleNames(context, orphan)) {
    const runner = await github.runner(scope, name);
    if (runner === null) continue;
    if (runner.busy) return { done: `left: its runner ${name} works on a job`, settled: true };
    if ((await github.deregister(scope, runner)) === 'busy')
      return { done: `left: its runner ${name} has just got a job`, settled: true };
    deregistered.push(name);
  }
  await slurm.cancel(job);
  const done =
    deregistered.length === 0
      ? `cancelled it: ${scope} has no runner of it`
      : `deregistered its runner ${deregistered.join(', ')} and cancelled it`;
  return { done, settled: true };
}

/** The prefix of new names may be another one since. */
function possibleNames({ store, config }: Context, { allocationId, listed }: Orphan): ReadonlySet<string> {
  const known = [...runnersOf(store.db, allocationId), ...listed].map(({ name }) => name);
  const middle = runnerName('', store.instanceId, allocationId, 0).slice(0, -1);
  const prefixes = new Set([config.runnerNamePrefix, ...known.map((name) => name.split(middle)[0] ?? '')]);
  const numbers = Array.from({ length: mostMints }, (_, index) => index + 1);
  const made = [...prefixes].flatMap((prefix) =>
    numbers.map((mint) => runnerName(prefix, store.instanceId, allocationId, mint)),
  );
  return new Set([...known, ...made]);
}
