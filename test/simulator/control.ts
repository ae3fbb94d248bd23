/** How tests and the demo act as GitHub's users, and look behind its scenes. */
import type { Fault, Faults } from './faults.ts';
import type { RateAccount } from './rate-account.ts';
import type {
  JobSpec,
  SimulatedJob,
  SimulatedRun,
  SimulatedRunner,
  SimulatorEvent,
  SimulatorState,
} from './simulator-state.ts';
import type { RequestRecord } from './start-simulator.ts';

interface Parts {
  readonly state: SimulatorState;
  readonly faults: Faults;
  readonly rate: RateAccount;
  readonly requests: RequestRecord[];
  readonly settings: { latencyMs: number };
}

export interface SimulatorControl {
  addRepository(repository: string): void;
  createRun(repository: string, workflow: string, jobs: readonly JobSpec[]): SimulatedRun;
  cancelJob(jobId: number): void;
  cancelRun(runId: number): void;
  rerun(runId: number): void;
  /** Registered by somebody else, and online: it takes jobs as any other. */
  addForeignRunner(scope: string, name: string, labels: readonly string[]): SimulatedRunner;
  /** Lets a runner take a job now, as if its process had asked. */
  takeJob(runnerId: number): SimulatedJob | null;
  completeJob(jobId: number, conclusion: string): void;
  deleteRunner(runnerId: number): void;
  jobs(): readonly SimulatedJob[];
  runners(): readonly SimulatedRunner[];
  events(): readonly SimulatorEvent[];
  requests(): readonly RequestRecord[];
  /** Points of the primary limit, in all. */
  pointsSpent(): number;
  setLatency(ms: number): void;
  fault(fault: Fault): void;
  clearFaults(): void;
  /** The same over HTTP: `name` is the function's; undefined when there is none. */
  overHttp(name: string, body: Readonly<Record<string, unknown>>): unknown;
}

export function simulatorControl({ state, faults, rate, requests, settings }: Parts): SimulatorControl {
  const jobOf = (id: number): SimulatedJob => {
    const job = state.jobs.get(id);
    if (job === undefined) throw new Error(`there is no job ${id}`);
    return job;
  };
  const runOf = (id: number): SimulatedRun => {
    const run = state.runs.get(id);
    if (run === undefined) throw new Error(`there is no run ${id}`);
    return run;
  };
  const control: SimulatorControl = {
    addRepository: (repository) => void state.repositories.add(repository),
    createRun: (repository, workflow, jobs) => state.createRun(repository, workflow, jobs),
    cancelJob: (id) => state.cancelJob(jobOf(id)),
    cancelRun: (id) => state.jobsOf(runOf(id)).forEach((job) => void state.cancelJob(job)),
    rerun: (id) => state.rerun(runOf(id)),
    addForeignRunner(scope, name, labels) {
      const runner = state.addRunner(scope, name, labels);
      if (runner === null) throw new Error(`there is a runner ${name}`);
      runner.online = true;
      return runner;
    },
    takeJob(id) {
      const runner = state.runners.get(id);
      return runner === undefined ? null : state.take(runner);
    },
    completeJob: (id, conclusion) => state.complete(jobOf(id), conclusion),
    deleteRunner(id) {
      const runner = state.runners.get(id);
      if (runner === undefined) throw new Error(`there is no runner ${id}`);
      state.removeRunner(runner, 'deleted');
    },
    jobs: () => [...state.jobs.values()],
    runners: () => [...state.runners.values()],
    events: () => state.events,
    requests: () => requests,
    pointsSpent: () => rate.total,
    setLatency: (ms) => {
      settings.latencyMs = ms;
    },
    fault: (fault) => faults.order(fault),
    clearFaults: () => faults.clear(),
    overHttp(name, body) {
      switch (name) {
        case 'runs':
          return control.createRun(
            String(body['repository']),
            String(body['workflow']),
            body['jobs'] as JobSpec[],
          );
        case 'repositories':
          return { added: control.addRepository(String(body['repository'])) ?? body['repository'] };
        case 'cancel-job':
          return { cancelled: control.cancelJob(Number(body['jobId'])) ?? body['jobId'] };
        case 'cancel-run':
          return { cancelled: control.cancelRun(Number(body['runId'])) ?? body['runId'] };
        case 'rerun':
          return { started: control.rerun(Number(body['runId'])) ?? body['runId'] };
        case 'latency':
          return { latencyMs: control.setLatency(Number(body['latencyMs'])) ?? body['latencyMs'] };
        case 'fault':
          return { ordered: control.fault(body as unknown as Fault) ?? true };
        case 'jobs':
          return control.jobs();
        // Without the secrets that the runners prove themselves with.
        case 'runners':
          return control.runners().map(({ secret: _, ...runner }) => runner);
        case 'events':
          return control.events();
        case 'requests':
          return { requests: control.requests(), pointsSpent: control.pointsSpent() };
        default:
          return undefined;
      }
    },
  };
  return control;
}
