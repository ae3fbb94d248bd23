/**
 * What runs in a Slurm job: the batch script and its runner, a step at a time. It claims, comes online, takes what GitHub gives it,
 * works for some time, and ends; idle, it asks whether to stop; cancelled, it is gone at once.
 */

import type { ClaimAnswer } from '../../src/controller/claim-answer.ts';
import type { Controller } from '../../src/controller/create-controller.ts';
import { answeredWithinMs } from '../../src/controller/mailbox.ts';
import type { InProcessJob } from '../controller/in-process-slurm.ts';
import { MailboxNode } from '../controller/mailbox-node.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import type { World } from './world.ts';

type Granted = Pick<Extract<ClaimAnswer, { status: 200 }>, 'runnerName' | 'eventToken'>;

const idleAfterMs = 120_000;
const giveUpAfterMs = 900_000;

export class ClusterNode {
  readonly job: InProcessJob;
  /** Monotonic. */
  readonly startedMs: number;
  readonly #world: World;
  #runnerName: string | null = null;
  #eventToken = '';
  #idleSinceMs = 0;
  /** Asked for a runner so far. */
  #questions = 0;
  /** A runner that it was given by an answer to a question that it had asked again. */
  #missed: string | null = null;
  #broken = false;
  readonly #mailbox: MailboxNode | null;
  #askedMs = Number.NEGATIVE_INFINITY;
  #running: { job: SimulatedJob; untilMs: number } | null = null;

  constructor(world: World, job: InProcessJob) {
    this.#world = world;
    this.job = job;
    this.startedMs = world.clock.monotonicMs();
    this.#mailbox =
      job.environment['GHA_SLURM_MAILBOX_KEY'] === undefined ? null : new MailboxNode(job, this.startedMs);
  }

  get runnerName(): string | null {
    return this.#runnerName;
  }

  get workflowJob(): SimulatedJob | null {
    return this.#running?.job ?? null;
  }

  /** Its runner does nothing any more, and does not end either. */
  hang(): void {
    this.#note('its process hangs');
    this.#broken = true;
  }

  async step(): Promise<void> {
    if (this.job.states[0] !== 'RUNNING') return;
    // Of a runner, `#wait` says what that means.
    if (this.#runnerName === null && this.#broken) return;
    if (this.#runnerName === null) await this.#claim();
    else if (this.#running === null) await this.#wait(this.#runnerName);
    else await this.#work(this.#running);
  }

  async #claim(): Promise<void> {
    const { world, job } = { world: this.#world, job: this.job };
    const { environment } = job;
    if (world.faults.troubles.unfitNodes.meet()) {
      this.#note('its node is unfit');
      const unfit = { slurmJobId: job.id, node: 'node', reason: 'no Docker' };
      const token = environment['GHA_SLURM_CLAIM_TOKEN'] ?? '';
      // Heard or not, the script ends.
      await this.#ask((controller) =>
        controller.noteUnfit(environment['GHA_SLURM_ALLOCATION'] ?? '', token, unfit),
      );
      await this.#ask((controller) =>
        controller.noteOutput(environment['GHA_SLURM_ALLOCATION'] ?? '', token, 'no Docker'),
      );
      return this.#exit('FAILED');
    }
    this.#questions += 1;
    const question = this.#questions;
    const answer =
      this.#mailbox === null ? await this.#askForRunner() : this.#askThroughMailbox(this.#mailbox);
    if (answer === null || answer.status === 503) {
      if (world.isTroubled) this.#note('it was not answered');
      if (world.clock.monotonicMs() - this.startedMs > giveUpAfterMs) this.#exit('FAILED');
      return;
    }
    world.invariants.history.noteClaim(job, answer.status);
    // It has asked again meanwhile, and hears only what answers that; or it is gone.
    if (question !== this.#questions) {
      if (answer.status === 200) this.#miss(answer.runnerName ?? '');
      return;
    }
    if (job.states[0] !== 'RUNNING') return;
    if (answer.status !== 200) return this.#exit(answer.status === 401 ? 'FAILED' : 'COMPLETED');
    if (world.faults.troubles.lostAnswers.meet()) return this.#note('its answer was lost');
    this.#runnerName = answer.runnerName ?? '';
    if (this.#missed !== null) this.#miss(this.#missed);
    this.#eventToken = answer.eventToken ?? '';
    this.#idleSinceMs = world.clock.monotonicMs();
    if (world.faults.troubles.brokenRunners.meet()) this.hang();
  }

  /** No loss when the question that it asked again is answered with the same runner. */
  #miss(runnerName: string): void {
    this.#missed = runnerName;
    if (this.#runnerName !== null && this.#runnerName !== runnerName) this.#note('its answer was lost');
  }

  #askForRunner(): Promise<(Pick<ClaimAnswer, 'status'> & Partial<Granted>) | null> {
    const { id, environment, restarts } = this.job;
    return this.#ask((controller) =>
      controller.claim(
        environment['GHA_SLURM_ALLOCATION'] ?? '',
        environment['GHA_SLURM_CLAIM_TOKEN'] ?? '',
        { slurmJobId: id, node: 'node', restartCount: restarts },
      ),
    );
  }

  /** A look into its comment; a question that is not answered in time is asked again. */
  #askThroughMailbox(mailbox: MailboxNode): (Pick<ClaimAnswer, 'status'> & Partial<Granted>) | null {
    const nowMs = this.#world.clock.monotonicMs();
    const answer = mailbox.look();
    if (answer === null) {
      if (nowMs - this.#askedMs < answeredWithinMs) return null;
      this.#askedMs = nowMs;
      mailbox.claim();
      return null;
    }
    this.#askedMs = Number.NEGATIVE_INFINITY;
    const header = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(answer)?.[1] ?? '';
    const status = Number(answer.split('\n', 1)[0]) as ClaimAnswer['status'];
    return { status, runnerName: header('X-Runner-Name'), eventToken: header('X-Event-Token') };
  }

  async #wait(name: string): Promise<void> {
    const { github, clock } = this.#world;
    const runner = github.find(name);
    if (this.#broken) return;
    // The registration is gone: the runner says so, and exits.
    if (runner === undefined) return this.#exit('COMPLETED');
    runner.online = true;
    runner.lastSeenMs = clock.wallMs();
    if (this.#world.faults.troubles.withholdsJobs) this.#note('GitHub gave it nothing');
    const taken = this.#world.faults.troubles.withholdsJobs ? null : github.state.take(runner);
    if (taken !== null) {
      this.#running = { job: taken, untilMs: clock.monotonicMs() + this.#world.faults.troubles.workMs };
      await this.#report('started');
      return;
    }
    if (clock.monotonicMs() - this.#idleSinceMs < idleAfterMs) return;
    this.#idleSinceMs = clock.monotonicMs();
    const id = this.job.environment['GHA_SLURM_ALLOCATION'] ?? '';
    const answer = await this.#ask((controller) => controller.answerIdle(id, this.#eventToken));
    if (answer === 'stop') this.#exit('COMPLETED');
  }

  async #work({ job, untilMs }: { job: SimulatedJob; untilMs: number }): Promise<void> {
    const { github, clock } = this.#world;
    const runner = this.#runnerName === null ? undefined : github.find(this.#runnerName);
    if (runner !== undefined) runner.lastSeenMs = clock.wallMs();
    if (!job.cancelRequested && clock.monotonicMs() < untilMs && job.status === 'in_progress') return;
    github.state.complete(job, job.cancelRequested ? 'cancelled' : 'success');
    await this.#report('finished');
    if (this.#world.faults.troubles.lingerers.meet()) {
      this.#running = null;
      return this.hang();
    }
    this.#exit('COMPLETED');
    await this.#report('exit');
  }

  /** A hint: lost when nobody takes it. */
  async #report(event: 'started' | 'finished' | 'exit'): Promise<void> {
    // The mailbox carries no events.
    if (this.#mailbox !== null) return;
    if (this.#world.faults.isCutOff || this.#world.faults.troubles.lostAnswers.meet())
      return this.#note(`its word "${event}" was lost`);
    const id = this.job.environment['GHA_SLURM_ALLOCATION'] ?? '';
    await this.#ask((controller) => controller.takeEvent(id, this.#eventToken, event));
  }

  async #ask<T>(question: (controller: Controller) => Promise<T> | T): Promise<T | null> {
    const { faults, service } = this.#world;
    return faults.isCutOff ? null : service.ask(question);
  }

  #note(cause: string): void {
    this.#world.invariants.waste.note(this.job.name, cause);
  }

  #exit(state: string): void {
    this.#world.slurm.end(this.job, state);
  }
}
