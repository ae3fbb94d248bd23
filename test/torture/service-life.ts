/** The service's side: its process, which dies and starts again, and its database, which outlives it and can be lost. */
import { copyFileSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { ControllerConfig } from '../../src/controller/context.ts';
import type { Controller } from '../../src/controller/create-controller.ts';
import { repair } from '../../src/controller/repair.ts';
import { GitHubError, SlurmError } from '../../src/domain/errors.ts';
import { config } from '../controller/controller-config.ts';
import { fewAttempts } from './attempts.ts';
import { type Crashes, MortalProcess, noCrashes, type Surroundings } from './mortal-process.ts';
import { RepeatableChance } from './repeatable-chance.ts';
import { ServiceProcess } from './service-process.ts';
import type { World } from './world.ts';

export interface ServiceOptions {
  /** A migrated, empty database. */
  readonly template: string;
  readonly databaseFile: string;
  readonly crashes?: Crashes;
  /** In place of what the tests of the controller have. */
  readonly config?: Partial<ControllerConfig>;
  /** A wall clock that was set stays so over a start. Default: false. */
  readonly keepsClock?: boolean;
}

/** Repairs after a restore that leave something to do are run again, so often. */
const mostRepairs = 50;

export class ServiceLife {
  readonly #world: World;
  readonly #options: ServiceOptions;
  readonly #chance = new RepeatableChance();
  #process: ServiceProcess | null = null;
  /** A backup takes the place of the database: nobody starts the service before it is repaired. */
  #isRestoring = false;
  #repairing: MortalProcess | null = null;
  #reader: Database.Database | null = null;
  #hasBackup = false;
  /** Monotonic. */
  #backedUpMs = 0;
  #jumpMs = 0;
  /** In place of the configuration that the tests of the controller have; read at each start. */
  #config: Partial<ControllerConfig> = {};
  #makeRoom: (() => void) | null = null;

  constructor(world: World, options: ServiceOptions) {
    this.#world = world;
    this.#options = options;
    copyFileSync(options.template, options.databaseFile);
  }

  get process(): ServiceProcess | null {
    return this.#process;
  }

  get isAlive(): boolean {
    return this.#process !== null && !this.#process.dead;
  }

  /** By the configuration of its last start. */
  serves(label: string): boolean {
    return this.#configuration.profiles.has(label);
  }

  start(): void {
    if (this.#process !== null || this.#isRestoring) return;
    this.#closeReader();
    this.#findTime();
    try {
      this.#process = new ServiceProcess(this.#surroundings());
      this.#world.invariants.noteStart();
      this.#world.hub.noteKnown();
    } catch (error) {
      // It died at a point of its own start.
      if ((error as Error).name !== 'Died') throw error;
    }
  }

  /** Somebody sets the wall clock of the machine that it runs on. */
  setClock(byMs: number): void {
    this.#jumpMs += byMs;
  }

  /** What is held against times in the database holds only where each process begins with the time that it should be. */
  #findTime(): void {
    if (this.#options.keepsClock !== true) this.#jumpMs = 0;
  }

  get jumpMs(): number {
    return this.#jumpMs;
  }

  kill(): void {
    if (this.#process !== null) this.#world.invariants.noteDeath();
    this.#repairing?.die();
    this.#process?.die();
    this.#process?.close();
    this.#makeRoom = null;
    this.#process = null;
  }

  /** What has died is put away. */
  bury(): void {
    if (this.#process?.dead === true) this.kill();
  }

  /** The service is started again with another configuration. */
  restartWith(changed: Partial<ControllerConfig>): void {
    this.kill();
    this.#config = changed;
    this.start();
  }

  async ask<T>(question: (controller: Controller) => Promise<T> | T): Promise<T | null> {
    return this.#process === null ? null : this.#process.ask(question);
  }

  get isFull(): boolean {
    return this.#makeRoom !== null;
  }

  /** Nothing can be written to these tables until there is room. */
  fillDisk(writes?: readonly string[]): void {
    this.#makeRoom = this.#process?.fillDisk(writes) ?? null;
  }

  makeRoom(): void {
    this.#makeRoom?.();
    this.#makeRoom = null;
  }

  /** A copy of the database as it is now. */
  backUp(): void {
    if (this.#process === null || this.#process.dead) return;
    const file = `${this.#options.databaseFile}.backup`;
    rmSync(file, { force: true });
    this.#process.execute('vacuum into ?', file);
    this.#hasBackup = true;
    this.#backedUpMs = this.#world.clock.monotonicMs();
  }

  /** The database is lost: the copy takes its place, and is compared with both sides until nothing is left to do. */
  async restore(): Promise<void> {
    if (!this.#hasBackup) return;
    this.kill();
    const { databaseFile } = this.#options;
    this.#closeReader();
    for (const suffix of ['', '-wal', '-shm']) rmSync(databaseFile + suffix, { force: true });
    copyFileSync(`${databaseFile}.backup`, databaseFile);
    this.#world.invariants.noteRestore(this.#backedUpMs);
    this.#world.hub.noteKnown();
    this.#isRestoring = true;
    for (let left = mostRepairs; left > 0; left -= 1) {
      if (await this.#repair()) break;
      await this.#world.step();
    }
    this.#isRestoring = false;
    this.start();
  }

  /** The service may be dead: then by a connection of its own, kept until the file is another's again. */
  query<Row>(sql: string, ...values: readonly unknown[]): Row[] {
    if (this.#process !== null) return this.#process.query<Row>(sql, ...values);
    this.#reader ??= new Database(this.#options.databaseFile);
    return this.#reader.prepare<unknown[], Row>(sql).all(...values);
  }

  end(): void {
    this.kill();
    this.#closeReader();
    for (const suffix of ['', '-wal', '-shm', '.lock', '.backup'])
      rmSync(this.#options.databaseFile + suffix, { force: true });
  }

  /** False when something is left to do, when a side did not answer, or when it died over it. */
  async #repair(): Promise<boolean> {
    this.#closeReader();
    this.#findTime();
    const process = new MortalProcess(this.#surroundings());
    this.#repairing = process;
    try {
      const findings = await process.alive(repair(process.parts, { dryRun: false }));
      return findings?.every(({ settled }) => settled) ?? false;
    } catch (error) {
      if (error instanceof GitHubError || error instanceof SlurmError) return false;
      throw error;
    } finally {
      process.close();
      this.#repairing = null;
    }
  }

  get #configuration(): ControllerConfig {
    return { ...config, ...fewAttempts, ...this.#options.config, ...this.#config };
  }

  #surroundings(): Surroundings {
    const { clock, slurm, github, defects } = this.#world;
    return {
      databaseFile: this.#options.databaseFile,
      config: this.#configuration,
      clock: { wallMs: () => clock.wallMs() + this.#jumpMs, monotonicMs: () => clock.monotonicMs() },
      chance: this.#chance,
      slurm,
      github,
      crashes: this.#options.crashes ?? noCrashes,
      defects,
    };
  }

  #closeReader(): void {
    this.#reader?.close();
    this.#reader = null;
  }
}
