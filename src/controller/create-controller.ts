/**
 * The one part that knows GitHub, Slurm and the store. Level-triggered: it reads the present and never counts events.
 *
 * Two loops observe, each at its own pace, so that a slow side never holds up the other; after every observation the
 * whole is planned again. Planning and its intents are synchronous; effects run behind, each with its own time limit.
 */

import { plan } from '../planner/plan.ts';
import { isDamage } from '../store/damage.ts';
import { answerNode, type NodeApi } from './answer-node.ts';
import { cancelJobs } from './cancel-jobs.ts';
import { carryOut } from './carry-out.ts';
import { Claims } from './claim.ts';
import { type ControllerParts, createContext } from './create-context.ts';
import { deregisterLeftovers } from './deregister.ts';
import { describePools, describeState, type StateView } from './describe-state.ts';
import { explainJob, type JobExplanation } from './explain-job.ts';
import { Mailbox } from './mailbox.ts';
import { answerIdle, authenticate, takeEvent } from './node-events.ts';
import { ClockNote } from './note-clock.ts';
import { noteOutput } from './note-output.ts';
import { noteUnfit } from './note-unfit.ts';
import type { Failure } from './observations.ts';
import { observeRepository } from './observe-github.ts';
import { observeSlurm } from './observe-slurm.ts';
import { Pruner } from './prune.ts';
import { recover } from './recover.ts';
import { releaseAllocations } from './release-allocations.ts';
import { noteRests } from './resting-jobs.ts';
import { Submitter } from './submit.ts';
import { RegistrationSweep } from './sweep-registrations.ts';
import { takeSnapshot } from './take-snapshot.ts';
import { WakeUpTimer } from './wake-up-timer.ts';
import { AccountingWatch } from './watch-accounting.ts';
import { EndWatch } from './watch-ends.ts';
import { RunnerWatch } from './watch-runners.ts';
import { WaitingWatch } from './watch-waiting.ts';

export interface Readiness {
  readonly ready: boolean;
  /** It can't be written. */
  readonly database: Failure | null;
  readonly slurm: Failure | null;
  readonly repositories: readonly {
    readonly repository: string;
    readonly observed: boolean;
    readonly failure: Failure | null;
  }[];
}

export interface Controller extends NodeApi {
  /** Observes everything once, plans, and waits for all effects: one turn of both loops. */
  tick(): Promise<void>;
  /**
   * Runs until the signal aborts; resolves when nothing is under way any more. Rejects when SQLite says that the database
   * is damaged: what it still reads can't be trusted.
   */
  run(signal: AbortSignal): Promise<void>;
  readiness(): Readiness;
  pools(): StateView['pools'];
  /** `before` is the cursor that an earlier page gave. */
  state(before?: string): StateView;
  /** A workflow job's life and what it waits for; null for one that is not known. */
  explain(jobId: number): JobExplanation | null;
}

/** Effects are looked after this often between observations, so that a retry does not wait for a long poll. */
const housekeepingMs = 1_000;
const soonestSlurmLookMs = 1_000;
/** Of a claim that can't be written down; its job has minutes to ask again. */
const unwritableRetryS = 5;

export function createController(parts: ControllerParts): Controller {
  const slurmTimer = new WakeUpTimer();
  const context = createContext(parts, () => slurmTimer.wake());
  const { config, effects, seen, clock, log, database } = context;
  const submitter = new Submitter(context);
  const claims = new Claims(context);
  const isInFlight = (allocationId: string): boolean => submitter.isInFlight(allocationId);
  const runnerWatch = new RunnerWatch(context);
  const waitingWatch = new WaitingWatch(context);
  const endWatch = new EndWatch(context);
  const accountingWatch = new AccountingWatch(context);
  const registrations = new RegistrationSweep(context);
  const pruner = new Pruner(context);
  const clockNote = new ClockNote(context);

  const nodeApi: NodeApi = {
    async claim(id, token, request) {
      try {
        return await claims.claim(id, token, request);
      } catch (error) {
        if (!database.note(error)) throw error;
        const message = 'the database can not be written now';
        return { status: 503, message, retryAfterSeconds: unwritableRetryS };
      }
    },

    noteUnfit(id, token, unfit) {
      try {
        const noted = noteUnfit(context, id, token, unfit);
        context.wakeSlurm();
        return noted;
      } catch (error) {
        // Slurm says that its job has ended, too.
        if (!database.note(error)) throw error;
        return true;
      }
    },

    noteOutput(id, token, output) {
      try {
        return noteOutput(context, id, token, output);
      } catch (error) {
        // Nothing depends on it.
        if (!database.note(error)) throw error;
        return true;
      }
    },

    takeEvent(id, token, event) {
      const row = authenticate(context, id, token);
      try {
        if (row !== null) takeEvent(context, row, event);
      } catch (error) {
        // A hint: what it says is seen at GitHub and in Slurm, too.
        if (!database.note(error)) throw error;
      }
      return row !== null;
    },

    async answerIdle(id, token) {
      const row = authenticate(context, id, token);
      if (row === null) return null;
      try {
        return await answerIdle(context, row);
      } catch (error) {
        if (!database.note(error)) throw error;
        return 'stay';
      }
    },
  };
  const mailbox = new Mailbox(context, (request) => answerNode(nodeApi, request));

  function reconcile(): void {
    clockNote.note();
    const snapshot = takeSnapshot(context, isInFlight);
    noteRests(context, snapshot);
    carryOut(context, submitter, plan(snapshot, clock.monotonicMs()));
    keepHouse();
    runnerWatch.watch();
    waitingWatch.watch();
    endWatch.watch();
    accountingWatch.watch();
    registrations.sweep();
  }

  function keepHouse(): void {
    submitter.sendDue();
    releaseAllocations(context);
    cancelJobs(context);
    deregisterLeftovers(context);
    mailbox.look();
  }

  function keepHouseAndHistory(): void {
    keepHouse();
    pruner.prune();
  }

  async function observeGitHub(): Promise<void> {
    await Promise.all(config.repositories.map((repository) => observeRepository(context, repository)));
  }

  /**
   * One failure of the loop's own code must not end the service: it is logged, and the next turn starts afresh. No turn is
   * taken while the database can't be written.
   * @throws what SQLite says of a damaged database.
   */
  async function loop(
    signal: AbortSignal,
    turn: () => Promise<void> | void,
    pause: () => Promise<void>,
  ): Promise<void> {
    while (!signal.aborted) {
      try {
        if (database.isWritable()) await turn();
      } catch (error) {
        if (isDamage(error)) throw error;
        if (!database.note(error) && !signal.aborted) log.error({ err: error }, 'turn of the loop failed');
      }
      await pause();
    }
  }

  async function slurmPause(signal: AbortSignal): Promise<void> {
    const begunMs = clock.monotonicMs();
    await slurmTimer.sleep(config.slurmPollMs, signal);
    const early = Math.min(soonestSlurmLookMs, config.slurmPollMs) - (clock.monotonicMs() - begunMs);
    if (early > 0) await new WakeUpTimer().sleep(early, signal);
  }

  recover(context);

  return {
    async tick() {
      if (!database.isWritable()) return;
      try {
        await Promise.all([observeGitHub(), observeSlurm(context)]);
        reconcile();
        pruner.prune();
      } catch (error) {
        if (!database.note(error)) throw error;
      }
      await effects.idle();
      database.flush();
    },

    async run(until) {
      const damaged = new AbortController();
      const signal = AbortSignal.any([until, damaged.signal]);
      signal.addEventListener('abort', () => effects.stop());
      const githubTimer = new WakeUpTimer();
      const houseTimer = new WakeUpTimer();
      const loops = [
        loop(
          signal,
          async () => {
            await observeGitHub();
            if (!signal.aborted) reconcile();
          },
          () => githubTimer.sleep(parts.github.pollDelayMs(config.githubPollMs), signal),
        ),
        loop(
          signal,
          async () => {
            await observeSlurm(context);
            if (!signal.aborted) reconcile();
          },
          () => slurmPause(signal),
        ),
        loop(signal, keepHouseAndHistory, () => houseTimer.sleep(housekeepingMs, signal)),
      ];
      for (const one of loops) one.catch(() => damaged.abort());
      const ended = await Promise.allSettled(loops);
      await effects.idle();
      database.flush();
      const failed = ended.find((one) => one.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },

    ...nodeApi,

    readiness() {
      const repositories = config.repositories.map((repository) => {
        const { begunMs, failure } = seen.scope(repository);
        return { repository, observed: begunMs !== null, failure };
      });
      const { observed, failure } = seen.slurm;
      const ready =
        database.failure === null &&
        observed &&
        failure === null &&
        repositories.every((scope) => scope.observed && scope.failure === null);
      return { ready, database: database.failure, slurm: failure, repositories };
    },

    pools: () => describePools(context, takeSnapshot(context, isInFlight)),
    state: (before) => describeState(context, takeSnapshot(context, isInFlight), before),
    explain: (jobId) => explainJob(context, takeSnapshot(context, isInFlight), jobId),
  };
}
