/** Slurm as the controller sees it: jobs with names and states, cancels by id and name, and calls that go wrong. */
import type { AccountedJob, SlurmJobDetail, SlurmJobRef, SubmitRequest } from '../../src/controller/ports.ts';
import type { WholeSlurm } from '../../src/controller/repair.ts';
import { SlurmError } from '../../src/domain/errors.ts';
import { CallFaults } from './call-faults.ts';

export interface InProcessJob {
  readonly id: number;
  readonly name: string;
  readonly user: string | null;
  readonly environment: Readonly<Record<string, string>>;
  states: readonly string[];
  comment: string;
  reason: string | null;
  /** Milliseconds since the Unix epoch, as Slurm estimates it. */
  expectedStartMs: number | null;
  /** How often Slurm has started it again. */
  restarts: number;
  /** The network sent its submit twice: this is the one too many. */
  copy: boolean;
}

export const slurmFailures = {
  /** No answer in time: in doubt. */
  timeout: () =>
    new SlurmError('slurmrestd did not answer in time', {
      kind: 'unavailable',
      errorNumber: null,
      notCreated: false,
    }),
  /** 1800: slurmctld does not answer; certainly no job. */
  controllerDown: () =>
    new SlurmError('slurmctld is down', { kind: 'unavailable', errorNumber: 1800, notCreated: true }),
  /** 1007: the token is over, or was replaced. */
  badToken: () =>
    new SlurmError('Slurm refuses the token', { kind: 'auth', errorNumber: 1007, notCreated: true }),
  /** A proxy's page, or a version that slurmrestd does not have. */
  unreadable: () =>
    new SlurmError('slurmrestd does not know this request', {
      kind: 'protocol',
      errorNumber: null,
      notCreated: true,
    }),
  refused: (message = 'Invalid partition name specified') =>
    new SlurmError(message, { kind: 'refused', errorNumber: 2000, notCreated: true }),
};

export class InProcessSlurm implements WholeSlurm {
  readonly jobs: Map<number, InProcessJob>;
  readonly faults = new CallFaults<keyof WholeSlurm>();
  /** What accounting has kept, newest last; null where there is none. */
  records: AccountedJob[] | null = null;
  /** Those that it has; null takes any. */
  partitions: ReadonlySet<string> | null = null;
  readonly #numbers: { next: number };
  /** Told of each submit when it is sent, and of each job that a cancel ends. */
  onSubmit: (name: string) => void = () => undefined;
  onCancel: (job: InProcessJob) => void = () => undefined;
  /** Told of each name that is fenced. */
  onFence: (name: string) => void = () => undefined;
  /** Told of each job whose comment is to be written, before it is. */
  onComment: (name: string) => void = () => undefined;

  /** `same`: the cluster that another service talks to as well; its calls go wrong by themselves. */
  constructor(same?: InProcessSlurm) {
    this.jobs = same?.jobs ?? new Map();
    this.#numbers = same === undefined ? { next: 1 } : same.#numbers;
  }

  submit(request: SubmitRequest): Promise<{ id: number; warnings: readonly string[] }> {
    this.onSubmit(request.name);
    const twice = this.faults.next('submit')?.kind === 'twice';
    return this.faults.meet('submit', request.name, () => {
      if (this.partitions?.has(request.profile.partition) === false) throw slurmFailures.refused();
      const job = this.add(request.name, request.environment, request.user);
      job.copy = twice && [...this.jobs.values()].some(({ id, name }) => name === job.name && id !== job.id);
      return { id: job.id, warnings: [] };
    });
  }

  states(ids: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>> {
    return this.faults.meet('states', ids, (isPartial) => {
      const listed = [...this.jobs.values()].filter((job) => ids.includes(job.id));
      const shown = isPartial ? listed.slice(0, listed.length / 2) : listed;
      return new Map(shown.map(({ id, states }) => [id, states]));
    });
  }

  /** `PrivateData=jobs`: nobody sees the jobs of others, except in the listing of states. */
  job(id: number, user: string | null): Promise<SlurmJobDetail | null> {
    return this.faults.meet('job', id, () => {
      const job = this.jobs.get(id);
      return job?.user === user ? detailOf(job) : null;
    });
  }

  listJobs(user: string | null): Promise<readonly SlurmJobDetail[]> {
    return this.faults.meet('listJobs', null, () =>
      [...this.jobs.values()].filter((job) => job.user === user).map(detailOf),
    );
  }

  accounting(ids: readonly number[], _user: string | null): Promise<readonly AccountedJob[] | null> {
    return this.faults.meet(
      'accounting',
      ids,
      () => this.records?.filter(({ id }) => ids.includes(id)) ?? null,
    );
  }

  setComment({ id, name }: SlurmJobRef, comment: string): Promise<boolean> {
    this.onComment(name);
    return this.faults.meet('setComment', { id, comment }, () => {
      const job = this.jobs.get(id);
      if (job === undefined || !isLive(job)) return false;
      job.comment = comment;
      return true;
    });
  }

  cancel({ id, name, user }: SlurmJobRef): Promise<void> {
    return this.faults.meet('cancel', { id, name, user }, () => {
      const job = this.jobs.get(id);
      // An empty filter is none.
      if (job?.user === user && (name === '' || job.name === name)) this.#cancel(job);
    });
  }

  cancelByName(name: string, user: string | null): Promise<void> {
    return this.faults.meet('cancelByName', name, () => {
      this.onFence(name);
      for (const job of this.jobs.values()) if (job.name === name && job.user === user) this.#cancel(job);
    });
  }

  /** A job, whosever it is. */
  add(name: string, environment: InProcessJob['environment'] = {}, user: string | null = null): InProcessJob {
    const id = this.#numbers.next++;
    const job = {
      id,
      name,
      user,
      environment,
      states: ['PENDING'],
      comment: '',
      reason: 'Resources',
      expectedStartMs: null,
      restarts: 0,
      copy: false,
    };
    this.jobs.set(id, job);
    return job;
  }

  /** Slurm starts it. */
  start(job: InProcessJob): void {
    job.states = ['RUNNING'];
    job.reason = null;
  }

  /** Its node is taken from it, and it waits again; the flag is gone as soon as it does. */
  requeue(job: InProcessJob): void {
    job.states = ['PENDING'];
    job.restarts += 1;
  }

  end(job: InProcessJob, state = 'COMPLETED'): void {
    this.#end(job, state);
  }

  /** Accounting has got word of it. */
  keep({ id, name, user }: InProcessJob, kept: Omit<AccountedJob, keyof SlurmJobRef>): void {
    this.records = [...(this.records ?? []), { id, name, user, ...kept }];
  }

  /** slurmctld has dropped its record, or has lost it, and goes on counting from `nextId`. */
  forget(job: InProcessJob, nextId = this.#numbers.next): void {
    this.jobs.delete(job.id);
    // What it ran on a node is killed when the node reports a job that slurmctld doesn't know.
    job.states = ['FORGOTTEN'];
    this.#numbers.next = nextId;
  }

  live(): InProcessJob[] {
    return [...this.jobs.values()].filter(isLive);
  }

  #cancel(job: InProcessJob): void {
    if (isLive(job)) this.onCancel(job);
    this.#end(job, 'CANCELLED');
  }

  #end(job: InProcessJob, state: string): void {
    if (isLive(job)) job.states = [state];
  }
}

function isLive({ states: [base = ''] }: InProcessJob): boolean {
  return base === 'PENDING' || base === 'RUNNING';
}

function detailOf(job: InProcessJob): SlurmJobDetail {
  return { ...job, node: 'node', exitCode: null };
}
