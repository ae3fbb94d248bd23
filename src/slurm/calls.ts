/**
 * Every call to slurmrestd, and how it is made. A call that is given up early is a call in doubt, so limits are longer than
 * what was measured of a Slurm in trouble: with slurmctld down or stopped slurmrestd answers after 9 to 10 s (`/ping/` of a
 * stopped one, too), after 18 to 20 s where it asks twice (`GET /job/{job_id}`), and after up to 21 s where slurmctld limits
 * the rate of calls (60 at once, `rl_enable`).
 */
export interface CallKind {
  /** As the operator reads it in a sentence. */
  readonly name: string;
  readonly timeLimitMs: number;
  /** A call that changes nothing may be given up at any time, and may find out whether Slurm has recovered. */
  readonly changes: boolean;
  /** The higher one goes first where calls have to wait for one another. */
  readonly priority: number;
}

export const calls = {
  submit: { name: 'POST /job/submit', timeLimitMs: 40_000, changes: true, priority: 0 },
  cancel: { name: 'DELETE /jobs/ by id and name', timeLimitMs: 30_000, changes: true, priority: 1 },
  cancelByName: { name: 'DELETE /jobs/ by name', timeLimitMs: 30_000, changes: true, priority: 1 },
  states: { name: 'GET /jobs/state/', timeLimitMs: 30_000, changes: false, priority: 2 },
  job: { name: 'GET /job/{job_id}', timeLimitMs: 40_000, changes: false, priority: 0 },
  comment: { name: 'POST /job/{job_id}', timeLimitMs: 30_000, changes: true, priority: 1 },
  /** Megabytes: about a second for 1,000 jobs. */
  listJobs: { name: 'GET /jobs/', timeLimitMs: 120_000, changes: false, priority: 0 },
  cluster: {
    name: 'GET /partitions/, /nodes/, /reservations/ and /licenses/',
    timeLimitMs: 60_000,
    changes: false,
    priority: 0,
  },
  /**
   * About 15 KB a job. With slurmdbd stopped slurmrestd answers 7000 after 45 s, and one of its threads is held until then, whether
   * somebody waits or not; 26.05 has two for each CPU. Given up sooner and sent again, a few such calls would hold all of them.
   */
  accounting: { name: 'GET /slurmdb/…/jobs/', timeLimitMs: 75_000, changes: false, priority: 0 },
  associations: {
    name: 'GET /slurmdb/…/associations/',
    timeLimitMs: 75_000,
    changes: false,
    priority: 0,
  },
  ping: { name: 'GET /ping/', timeLimitMs: 15_000, changes: false, priority: 0 },
} as const satisfies Readonly<Record<string, CallKind>>;
