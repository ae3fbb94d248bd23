/** What may happen to the world, as data, and how it does: schedule.ts makes schedules of these. */
import type { GitHubError, SlurmError } from '../../src/domain/errors.ts';
import type { SlurmEnd } from '../../src/domain/slurm-ends.ts';
import type { CallFault } from '../controller/call-faults.ts';
import { gitHubFailures } from '../controller/in-process-github.ts';
import { slurmFailures } from '../controller/in-process-slurm.ts';
import type { GitHubCall, SlowCalls, SlurmCall } from './faults.ts';
import { inMailboxes } from './mailbox-scenarios.ts';
import type { World } from './world.ts';

/** Every call of the two ports: one that is added there and not here does not compile. */
export const slurmCalls = Object.keys({
  submit: true,
  states: true,
  job: true,
  cancel: true,
  cancelByName: true,
  setComment: true,
  listJobs: true,
  accounting: true,
} satisfies Record<SlurmCall, true>) as SlurmCall[];
export const gitHubCalls = Object.keys({
  observe: true,
  mint: true,
  deregister: true,
  runners: true,
  runner: true,
} satisfies Record<GitHubCall, true>) as GitHubCall[];

/** What becomes of a call that goes wrong; one that is slow is an event of its own. */
export type Side = Exclude<CallFault['kind'], 'slow'>;

export type WorldEvent =
  | { readonly kind: 'queue'; readonly count: number; readonly label: string }
  | {
      readonly kind:
        | 'cancel'
        | 'drop'
        | 'nodeFail'
        | 'flagRequeued'
        | 'requeue'
        | 'deleteRunner'
        | 'lag'
        | 'hang';
      readonly which: number;
    }
  | { readonly kind: 'slurmEnd'; readonly which: number; readonly state: SlurmEnd }
  | {
      readonly kind:
        | 'thief'
        | 'rerun'
        | 'kill'
        | 'start'
        | 'forget'
        | 'reuse'
        | 'backUp'
        | 'restore'
        | 'mailbox';
    }
  | ({ readonly kind: 'slow' } & SlowCalls)
  | { readonly kind: 'crashAt'; readonly point: number; readonly side: 'before' | 'after' }
  | {
      readonly kind: 'slurm';
      readonly call: SlurmCall;
      readonly side: Side;
      readonly failure: keyof typeof slurmFailures;
      readonly times: number;
    }
  | {
      readonly kind: 'github';
      readonly call: GitHubCall;
      readonly side: Side;
      readonly failure: keyof typeof gitHubFailures;
      readonly times: number;
    }
  | {
      readonly kind:
        | 'slots'
        | 'loseAnswers'
        | 'breakRunners'
        | 'linger'
        | 'unfit'
        | 'stopSlurm'
        | 'stopGitHub'
        | 'refuse'
        | 'fillDisk'
        | 'cutOff'
        | 'minutes'
        | 'steps';
      readonly count: number;
    }
  | { readonly kind: 'withhold'; readonly on: boolean }
  | { readonly kind: 'setClock'; readonly hours: number };

const nth = <T>(items: readonly T[], index: number): T | undefined =>
  items[index % Math.max(1, items.length)];

export async function happen(
  world: World,
  happening: WorldEvent,
  crashAt: (point: number, side: 'before' | 'after') => void,
): Promise<void> {
  const { github } = world;
  const jobs = [...github.state.jobs.values()];
  switch (happening.kind) {
    case 'queue':
      world.hub.queue(happening.count, [happening.label]);
      break;
    case 'cancel': {
      const job = nth(
        jobs.filter(({ status }) => status !== 'completed'),
        happening.which,
      );
      if (job !== undefined) github.state.cancelJob(job);
      break;
    }
    case 'drop': {
      const job = nth(
        world.invariants.openJobs().filter(({ status }) => status === 'queued'),
        happening.which,
      );
      if (job !== undefined) world.hub.forgetJob(job);
      break;
    }
    case 'slurmEnd': {
      const job = nth(world.invariants.live(), happening.which);
      if (job !== undefined) world.cluster.end(job, happening.state);
      break;
    }
    case 'thief':
      world.hub.stealJob();
      break;
    case 'nodeFail': {
      const job = nth(world.cluster.running(), happening.which);
      if (job !== undefined) world.cluster.failNode(job);
      break;
    }
    case 'flagRequeued': {
      const job = nth(world.cluster.pending(), happening.which);
      if (job !== undefined) world.cluster.spoil(job, { states: ['PENDING', 'REQUEUED'] });
      break;
    }
    case 'requeue': {
      const job = nth(world.cluster.running(), happening.which);
      if (job !== undefined) world.cluster.requeue(job);
      break;
    }
    case 'hang': {
      // A runner that hangs is another thing: 'breakRunners'. Of two of one name one is known to nobody, and only Slurm's time limit ends it.
      const all = [...world.slurm.jobs.values()];
      const job = nth(
        world.cluster
          .running()
          .filter(
            ({ id, name }) =>
              world.cluster.nodeOf(id)?.runnerName === null &&
              !all.some((other) => other.name === name && other.id !== id),
          ),
        happening.which,
      );
      if (job !== undefined) world.cluster.nodeOf(job.id)?.hang();
      break;
    }
    case 'forget':
    case 'reuse':
      world.cluster.forgetNewest(happening.kind === 'reuse');
      break;
    case 'backUp':
      world.service.backUp();
      break;
    case 'restore':
      await world.service.restore();
      break;
    case 'deleteRunner': {
      const name = nth(world.invariants.registrations(), happening.which);
      if (name !== undefined) world.hub.deleteRunner(name);
      break;
    }
    case 'lag': {
      const job = nth(jobs, happening.which);
      if (job !== undefined) world.hub.lag(job, 2);
      break;
    }
    case 'rerun':
      world.hub.rerun();
      break;
    case 'kill':
      world.service.kill();
      break;
    case 'start':
      world.service.start();
      break;
    case 'crashAt':
      crashAt(happening.point, happening.side);
      break;
    case 'slurm': {
      const { call, side, failure, times } = happening;
      const fault = faultOf(call, side, slurmFailures[failure]());
      world.faults.failSlurm(call, fault, times);
      break;
    }
    case 'github': {
      const { call, side, failure, times } = happening;
      const fault = faultOf(call, side, gitHubFailures[failure]());
      world.faults.failGitHub(call, fault, times);
      break;
    }
    case 'slow':
      world.faults.slow(happening);
      break;
    case 'slots':
      world.cluster.slots = happening.count;
      break;
    case 'loseAnswers':
      world.faults.loseAnswers(happening.count);
      break;
    case 'breakRunners':
      world.faults.breakRunners(happening.count);
      break;
    case 'linger':
      world.faults.linger(happening.count);
      break;
    case 'stopSlurm':
      world.faults.stopSlurm(happening.count);
      break;
    case 'stopGitHub':
      world.faults.stopGitHub(happening.count);
      break;
    case 'refuse':
      world.faults.refuseSubmits(happening.count);
      break;
    case 'unfit':
      world.faults.lackOnNodes(happening.count);
      break;
    case 'fillDisk':
      world.faults.fillDisk(happening.count);
      break;
    case 'cutOff':
      world.faults.cutOff(happening.count);
      break;
    case 'mailbox':
      // For good: what was submitted with a mailbox asks nowhere else.
      world.service.restartWith(inMailboxes);
      break;
    case 'minutes':
      for (let left = happening.count; left > 0; left -= 1) await world.step(60_000);
      break;
    case 'setClock':
      world.service.setClock(happening.hours * 3_600_000);
      break;
    case 'withhold':
      world.faults.withholdJobs(happening.on);
      break;
    case 'steps':
      for (let left = happening.count; left > 0; left -= 1) await world.step();
      break;
  }
}

/**
 * Listings that may lack what is there. The client of `runners` begins again when its pages do not agree, but does not see one that
 * leaves while another joins; all others come in one piece, or are refused by their client when a part is missing.
 */
export const mayLack: ReadonlySet<string> = new Set(['states', 'observe', 'runners']);

/** A statement that nothing was made is never about a call that took effect. */
function faultOf(call: SlurmCall | GitHubCall, kind: Side, error: SlurmError | GitHubError): CallFault {
  if (kind === 'twice') return { kind };
  if (kind === 'partial') return mayLack.has(call) ? { kind } : { kind: 'before', error };
  return { kind: error.notCreated ? 'before' : kind, error };
}
