/**
 * How the simulated runner talks to the simulator. Lines of text instead of JSON: bash and curl are on the other end.
 *
 *     POST   /_runner/session                 online
 *     GET    /_runner/message                 200 a job as lines, 204 none yet (asked again), 410 the registration is gone
 *     GET    /_runner/jobs/{id}               200 `go on` or `cancel`
 *     POST   /_runner/jobs/{id}/complete      body: the conclusion
 *     DELETE /_runner/session                 offline
 */
import type { SimulatedJob, SimulatedRunner, SimulatorState } from './simulator-state.ts';

export interface RunnerAnswer {
  readonly status: number;
  readonly text: string;
}

const gone: RunnerAnswer = { status: 410, text: 'gone\n' };

export class RunnerProtocol {
  readonly #state: SimulatorState;
  readonly #holdMs: number;
  #waiting = new Set<() => void>();
  #stopped = false;

  constructor(state: SimulatorState, holdMs: number) {
    this.#state = state;
    this.#holdMs = holdMs;
    state.onChange = () => {
      for (const wake of this.#waiting) wake();
    };
  }

  async handle(method: string, path: string, credential: string, body: string): Promise<RunnerAnswer> {
    const [id, secret] = credential.split('.');
    const runner = this.#state.runners.get(Number(id));
    const job = this.#jobOf(path);
    // A runner may report its job after its registration has gone with it.
    if (job !== null && path.endsWith('/complete') && method === 'POST')
      return this.#complete(job, Number(id), body.trim());
    if (job !== null)
      return {
        status: 200,
        text: job.cancelRequested || job.status === 'completed' ? 'cancel\n' : this.#alive(runner),
      };
    if (runner === undefined || runner.secret !== secret) return gone;
    runner.lastSeenMs = this.#state.now();
    if (path === '/_runner/session') return this.#session(method, runner);
    if (path === '/_runner/message' && method === 'GET') return this.#message(runner);
    return { status: 404, text: 'not found\n' };
  }

  /** Ends all long polls. */
  stop(): void {
    this.#stopped = true;
    for (const wake of this.#waiting) wake();
  }

  #alive(runner: SimulatedRunner | undefined): string {
    if (runner !== undefined) runner.lastSeenMs = this.#state.now();
    return 'go on\n';
  }

  #jobOf(path: string): SimulatedJob | null {
    const id = /^\/_runner\/jobs\/(\d+)/.exec(path)?.[1];
    return (id === undefined ? undefined : this.#state.jobs.get(Number(id))) ?? null;
  }

  #complete(job: SimulatedJob, runnerId: number, conclusion: string): RunnerAnswer {
    if (job.runnerId !== runnerId) return { status: 409, text: 'not the runner of this job\n' };
    this.#state.complete(job, job.cancelRequested ? 'cancelled' : conclusion);
    return { status: 200, text: 'ok\n' };
  }

  #session(method: string, runner: SimulatedRunner): RunnerAnswer {
    runner.online = method === 'POST';
    this.#state.note(runner.online ? 'runner online' : 'runner offline', { runner: runner.name });
    return { status: 200, text: `${runner.name}\n` };
  }

  async #message(runner: SimulatedRunner): Promise<RunnerAnswer> {
    const deadline = performance.now() + this.#holdMs;
    while (true) {
      if (!this.#state.runners.has(runner.id)) return gone;
      const job = this.#state.take(runner);
      if (job !== null) return { status: 200, text: describe(job) };
      const left = deadline - performance.now();
      if (left <= 0 || this.#stopped) return { status: 204, text: '' };
      await this.#change(left);
    }
  }

  #change(timeLimitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeLimitMs);
      this.#waiting.add(wake);
    });
  }
}

function describe(job: SimulatedJob): string {
  return [
    job.id,
    job.runId,
    job.repository,
    job.name.replaceAll('\n', ' '),
    Buffer.from(job.commands).toString('base64'),
  ]
    .join('\n')
    .concat('\n');
}
