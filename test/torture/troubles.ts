/** Something that goes wrong the next so many times. */
class Countdown {
  #left = 0;

  order(times: number): void {
    this.#left = times;
  }

  /** Whether it goes wrong this time. */
  meet(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }
}

/** What goes wrong on nodes, and between them and the service. */
export class Troubles {
  /** Answers and reports that are lost. */
  readonly lostAnswers = new Countdown();
  /** Runners that die as soon as they are started, while their batch script waits for them for ever. */
  readonly brokenRunners = new Countdown();
  /** Batch scripts that find that their node can't run them. */
  readonly unfitNodes = new Countdown();
  /** Runners that do their job, and whose batch script does not end. */
  readonly lingerers = new Countdown();
  /** Monotonic time until which no node reaches the service. */
  cutOffUntilMs = 0;
  /** GitHub gives nothing to any runner. */
  withholdsJobs = false;
  /** How long a job runs. */
  workMs = 20_000;
}
