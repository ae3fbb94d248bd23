/**
 * The full comparison of the database with Slurm and GitHub, for the day after a restore: what happened since the backup
 * was taken is unknown to it. It touches only what carries this instance's names, and never what works on a job.
 *
 * A Slurm job without a live row is cancelled once no runner of it can be at work (end-orphans.ts); one whose runner works goes on to
 * its end. A live row without its Slurm job ends. What can't be done now is told, and the next run finds it again.
 */
import { ownerOfRunner, slurmJobName } from '../domain/names.ts';
import { slurmPhase } from '../domain/slurm-job-state.ts';
import { clearBackupMark } from '../store/backup-mark.ts';
import { withdrawFence } from '../store/cancel-rows.ts';
import { liveAllocations } from '../store/live-allocations.ts';
import { findRunner, openRunnerStates } from '../store/runner-rows.ts';
import type { Context } from './context.ts';
import { type ControllerParts, createContext } from './create-context.ts';
import { endAllocation, endAsSlurmSays } from './end-allocation.ts';
import { allocationOf, endOrphans, type Registration } from './end-orphans.ts';
import { goneReason } from './end-reason.ts';
import { attempt, type Finding } from './finding.ts';
import type { SlurmJobDetail, SlurmPort } from './ports.ts';
import { recover } from './recover.ts';

/** Slurm as the comparison needs it: everything that it has, which no loop ever asks for. */
export interface WholeSlurm extends SlurmPort {
  /** Every job that Slurm still knows and this user may see, in one call; null for `slurm.user`. */
  listJobs(user: string | null): Promise<readonly SlurmJobDetail[]>;
}

/**
 * @returns what was found, and what was done about it; with `dryRun` nothing is.
 * @throws SlurmError | GitHubError when one of the two can't be listed whole: nothing has been done then.
 */
export async function repair(
  parts: ControllerParts & { readonly slurm: WholeSlurm },
  { dryRun }: { readonly dryRun: boolean },
): Promise<readonly Finding[]> {
  const { store, slurm, github, config } = parts;
  const context = createContext(parts);
  const all = await allOfOurs(context, slurm);
  const ours = all.filter((job) => slurmPhase(job.states) !== 'terminal');
  const registrations: Registration[] = [];
  for (const scope of config.repositories) {
    for (const runner of await github.runners(scope)) {
      if (ownerOfRunner(runner.name)?.instance === store.instanceId) registrations.push({ ...runner, scope });
    }
  }
  if (!dryRun) {
    recover(context);
    // A submit that was under way when the backup was taken is in no doubt where Slurm lists its job: a fence would cancel what works.
    for (const { name } of ours) withdrawFence(store.db, name, context.clock.steadyMs());
  }
  const findings = [
    ...endLostRows(context, all, dryRun),
    ...(await endOrphans(context, ours, registrations, dryRun)),
    ...(await deregisterStrays(context, ours, registrations, dryRun)),
  ];
  if (!dryRun && findings.every(({ settled }) => settled)) clearBackupMark(store.db);
  return findings;
}

/** Asked as each user that jobs of ours may run as: with `PrivateData=jobs` Slurm lists nobody else's. */
async function allOfOurs({ store, config }: Context, slurm: WholeSlurm): Promise<readonly SlurmJobDetail[]> {
  const users = new Set([null, ...[...config.overrides.values()].map(({ user }) => user ?? null)]);
  for (const { slurmUser } of liveAllocations(store.db)) users.add(slurmUser);
  const prefix = slurmJobName(store.instanceId, '');
  const found = new Map<number, SlurmJobDetail>();
  for (const user of users)
    for (const job of await slurm.listJobs(user)) if (job.name.startsWith(prefix)) found.set(job.id, job);
  return [...found.values()];
}

/** Live rows whose Slurm job is over, or is not there at all. */
function endLostRows(context: Context, all: readonly SlurmJobDetail[], dryRun: boolean): Finding[] {
  const { store } = context;
  const known = new Map(all.map((job) => [`${job.id} ${job.name}`, job]));
  return liveAllocations(store.db).flatMap((row) => {
    const job = known.get(`${row.slurmJobId} ${row.slurmJobName}`);
    if (row.slurmJobId === null || (job !== undefined && slurmPhase(job.states) !== 'terminal')) return [];
    const missing = `Slurm has no job ${row.slurmJobId} of that name any more.`;
    if (!dryRun) {
      if (job === undefined) endAllocation(context, store.db, row, 'slurm:GONE', goneReason(row.slurmJobId));
      else endAsSlurmSays(context, store.db, row, job.states);
    }
    const why =
      job === undefined ? missing.slice(0, -1) : `its Slurm job ${job.id} is ${job.states.join('+')}`;
    return {
      what: `the allocation ${row.id} is ${row.state}, and ${why}`,
      done: dryRun ? 'would end it' : 'ended it',
      settled: !dryRun,
    };
  });
}

/** Registrations of ours without a Slurm job and without a row that will take care of them. */
async function deregisterStrays(
  context: Context,
  ours: readonly SlurmJobDetail[],
  registrations: readonly Registration[],
  dryRun: boolean,
): Promise<Finding[]> {
  const { store, github } = context;
  const findings: Finding[] = [];
  for (const runner of registrations) {
    const row = findRunner(store.db, runner.name);
    if (row !== undefined && openRunnerStates.has(row.state)) continue;
    const allocation = ownerOfRunner(runner.name)?.allocation;
    if (ours.some((job) => allocationOf(job) === allocation)) continue;
    const { scope, id, name, busy } = runner;
    const what = `the runner ${name} is registered for ${scope}, and nothing here knows it`;
    if (busy) findings.push({ what, done: 'left: it works on a job', settled: true });
    else if (dryRun) findings.push({ what, done: 'would deregister it', settled: false });
    else {
      const ended = await attempt(async () => {
        const result = await github.deregister(scope, { id, name });
        return { done: result === 'gone' ? 'deregistered it' : 'left: it has just got a job', settled: true };
      });
      findings.push({ what, ...ended });
    }
  }
  return findings;
}
