/** Slurm as the controller sees it: jobs with names and states, cancels by id and name, and calls that go wrong. */
import type {
  SlurmJobDetail,
  SlurmJobRef,
  SlurmJobState,
  SlurmPort,
  SubmitRequest,
} from '../../src/controller/ports.ts';
import { SlurmError } from '../../src/domain/errors.ts';
import { CallFaults } from './call-faults.ts';

export interface InProcessJob {
  readonly id: number;
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  states: readonly string[];
  reason: string | null;
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
  refused: (message = 'Invalid partition name specified') =>
    new SlurmError(message, { kind: 'refused', errorNumber: 2000, notCreated: true }),
};

export class InProcessSlurm implements SlurmPort {
  readonly jobs = new Map<number, InProcessJob>();
  readonly faults = new CallFaults<'submit' | 'states' | 'job' | 'cancel' | 'cancelByName'>();
  #nextId = 1;

  submit(request: SubmitRequest): Promise<{ id: number; warnings: readonly string[] }> {
    return this.faults.meet('submit', request.name, () => {
      const id = this.#nextId++;
      const { name, environment } = request;
      this.jobs.set(id, { id, name, environment, states: ['PENDING'], reason: 'Resources' });
      return { id, warnings: [] };
    });
  }

  states(ids: readonly number[]): Promise<readonly SlurmJobState[]> {
    return this.faults.meet('states', ids, () =>
      [...this.jobs.values()].filter((job) => ids.includes(job.id)).map(({ id, states }) => ({ id, states })),
    );
  }

  job(id: number): Promise<SlurmJobDetail | null> {
    return this.faults.meet('job', id, () => {
      const job = this.jobs.get(id);
      return job === undefined
        ? null
        : { ...job, expectedStartMs: null, node: 'node', exitCode: null, reason: job.reason };
    });
  }

  cancel({ id, name }: SlurmJobRef): Promise<void> {
    return this.faults.meet('cancel', { id, name }, () => {
      const job = this.jobs.get(id);
      if (job?.name === name) this.#end(job, 'CANCELLED');
    });
  }

  cancelByName(name: string): Promise<void> {
    return this.faults.meet('cancelByName', name, () => {
      for (const job of this.jobs.values()) if (job.name === name) this.#end(job, 'CANCELLED');
    });
  }

  /** Slurm starts it. */
  start(job: InProcessJob): void {
    job.states = ['RUNNING'];
    job.reason = null;
  }

  end(job: InProcessJob, state = 'COMPLETED'): void {
    this.#end(job, state);
  }

  /** slurmctld has dropped its record, or has lost it, and goes on counting from `nextId`. */
  forget(job: InProcessJob, nextId = this.#nextId): void {
    this.jobs.delete(job.id);
    this.#nextId = nextId;
  }

  live(): InProcessJob[] {
    return [...this.jobs.values()].filter((job) => ['PENDING', 'RUNNING'].includes(job.states[0] ?? ''));
  }

  #end(job: InProcessJob, state: string): void {
    if (['PENDING', 'RUNNING'].includes(job.states[0] ?? '')) job.states = [state];
  }
}
