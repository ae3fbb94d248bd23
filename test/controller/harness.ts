/** The controller over a real database, with Slurm and GitHub in this process and a clock that a test moves. */
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ClaimAnswer, NodeTimes } from '../../src/controller/claim-answer.ts';
import type { ControllerConfig, CounterName } from '../../src/controller/context.ts';
import type { ControllerParts } from '../../src/controller/create-context.ts';
import { type Controller, createController } from '../../src/controller/create-controller.ts';
import { findAllocation } from '../../src/store/allocation-rows.ts';
import { liveAllocations } from '../../src/store/live-allocations.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';
import type { Allocation } from '../../src/store/move-allocation.ts';
import { openStore, type Store } from '../../src/store/open-store.ts';
import { newAllocationId } from '../../src/store/random-id.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { config, repository } from './controller-config.ts';
import { InProcessGitHub } from './in-process-github.ts';
import { type InProcessJob, InProcessSlurm } from './in-process-slurm.ts';

export interface LogRecord {
  readonly level: string;
  readonly message: string;
  readonly data: object;
}

export class Harness {
  readonly clock = new VirtualClock();
  readonly slurm = new InProcessSlurm();
  readonly github: InProcessGitHub;
  readonly log: LogRecord[] = [];
  readonly counts = new Map<CounterName, number>();
  readonly path: string;
  readonly #config: ControllerConfig;
  store: Store;
  controller: Controller;

  constructor(overrides: Partial<ControllerConfig> = {}) {
    this.#config = { ...config, ...overrides };
    this.github = new InProcessGitHub(() => this.clock.wallMs());
    for (const name of this.#config.repositories) this.github.state.repositories.add(name);
    this.path = join(temporaryFolder(), 'gha-slurm.sqlite');
    migrateDatabase(this.path, this.clock.wallMs());
    this.store = this.#open();
    this.controller = this.#start();
    onTestFinished(() => this.store.close());
  }

  /** The process dies and another one starts: nothing but the database is left. */
  restart(): void {
    this.store.close();
    this.store = this.#open();
    this.controller = this.#start();
  }

  /** The process dies, and another one starts on a copy of what the database once was. */
  restore(file: string): void {
    this.store.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(this.path + suffix, { force: true });
    copyFileSync(file, this.path);
    this.store = this.#open();
    this.controller = this.#start();
  }

  /** Time goes by, and both sides are looked at once. */
  async tick(ms = 5_000): Promise<void> {
    this.clock.advance(ms);
    await this.controller.tick();
  }

  /** As many ticks of five seconds as the time has. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 5_000) await this.tick();
  }

  queue(count = 1, labels: readonly string[] = ['slurm-small']): SimulatedJob[] {
    const specs = Array.from({ length: count }, (_, index) => ({ name: `job-${index}`, labels }));
    const run = this.github.state.createRun(repository, 'build', specs);
    return this.github.state.jobsOf(run);
  }

  live(): Allocation[] {
    return liveAllocations(this.store.db);
  }

  /** All of them, oldest first. */
  rows(): Allocation[] {
    return this.column('select id from allocations order by created_at, rowid').flatMap(
      (id) => findAllocation(this.store.db, String(id)) ?? [],
    );
  }

  /** What the database says in a column, one value a row. */
  column(query: string): unknown[] {
    return this.store.db.all<Record<string, unknown>>(query).map((row) => Object.values(row)[0]);
  }

  /** What the batch script of a Slurm job asks when it starts. */
  claim(
    job: InProcessJob,
    overrides: Partial<{ token: string; restartCount: number; slurmJobId: number; took: NodeTimes }> = {},
  ) {
    const { environment } = job;
    return this.controller.claim(
      environment['GHA_SLURM_ALLOCATION'] ?? '',
      overrides.token ?? environment['GHA_SLURM_CLAIM_TOKEN'] ?? '',
      {
        slurmJobId: overrides.slurmJobId ?? job.id,
        node: 'node',
        restartCount: overrides.restartCount ?? 0,
        took: overrides.took,
      },
    );
  }

  /** Slurm starts the job, and its claim is granted. */
  async startAndClaim(job: InProcessJob): Promise<Extract<ClaimAnswer, { status: 200 }>> {
    this.slurm.start(job);
    const answer = await this.claim(job);
    if (answer.status !== 200)
      throw new Error(`the claim was answered with ${answer.status}: ${answer.message}`);
    return answer;
  }

  /** The runner comes online, and takes what GitHub gives it. */
  take(runnerName: string): SimulatedJob | null {
    const runner = this.github.find(runnerName);
    if (runner === undefined) throw new Error(`there is no runner ${runnerName}`);
    runner.online = true;
    return this.github.state.take(runner);
  }

  /** The only Slurm job there is. */
  theJob(): InProcessJob {
    const [job, ...others] = this.slurm.jobs.values();
    if (job === undefined || others.length > 0)
      throw new Error(`there are ${this.slurm.jobs.size} Slurm jobs`);
    return job;
  }

  #open(): Store {
    return openStore({ path: this.path, allowNetworkFileSystem: true });
  }

  /** What the controller is made of. */
  parts(): ControllerParts & { readonly slurm: InProcessSlurm } {
    const note = (level: string) => (data: object, message: string) =>
      void this.log.push({ level, message, data });
    return {
      store: this.store,
      slurm: this.slurm,
      github: this.github,
      config: this.#config,
      clock: this.clock,
      // No jitter: what comes after a minute comes after a minute.
      chance: { fraction: () => 0, allocationId: newAllocationId },
      log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
      count: (name) => void this.counts.set(name, (this.counts.get(name) ?? 0) + 1),
    };
  }

  #start(): Controller {
    return createController(this.parts());
  }
}
