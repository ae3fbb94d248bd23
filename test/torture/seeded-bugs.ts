/**
 * Bugs that must never be, as changes to the source: each is made in a copy, and the search has to find it. A change whose place is
 * not there any more is a failure of the test, not of the search.
 */
import type { Kind } from './schedule.ts';

export interface SeededBug {
  readonly name: string;
  /** What it takes, where all kinds of events together have it too seldom: the bug says why. Absent: all. */
  readonly kinds?: readonly Kind[];
  /** What the search has to say; absent: any invariant may be the one that finds it. */
  readonly sentence?: RegExp;
  readonly changes: readonly { readonly file: string; readonly from: string; readonly to: string }[];
}

export const seededBugs: readonly SeededBug[] = [
  {
    name: 'skip the intent',
    sentence: /was submitted, and its row is not there/,
    changes: [
      {
        file: 'src/controller/submit.ts',
        from: 'const answer = await slurm.submit(submitRequest(config, row, profile, unsent.claimToken));',
        to: `const sqlite = store.db.$client;
      sqlite.pragma('foreign_keys = OFF');
      const intent = sqlite.prepare('select * from allocations where id = ?').get(id);
      sqlite.prepare('delete from allocations where id = ?').run(id);
      const write = () => sqlite.prepare(\`insert into allocations (\${Object.keys(intent)}) values (\${Object.keys(intent).map(() => '?')})\`).run(...Object.values(intent));
      const answer = await slurm.submit(submitRequest(config, row, profile, unsent.claimToken)).finally(write);`,
      },
    ],
  },
  {
    name: 'retry a submit blindly',
    sentence: /was submitted twice/,
    changes: [
      {
        file: 'src/controller/submit.ts',
        from: 'if (error instanceof SlurmError && error.notCreated) {',
        to: 'if (error instanceof SlurmError) {',
      },
    ],
  },
  {
    name: 'cancel without deregistering',
    sentence: /was cancelled while its runner .* is registered/,
    changes: [
      {
        file: 'src/controller/release-allocations.ts',
        from: 'if (open.length > 0) {',
        to: 'if (open.length < 0) {',
      },
    ],
  },
  {
    name: "trust a failed listing of GitHub's as empty",
    sentence: /given up as surplus, and|came to nothing \(surplus/,
    changes: [
      {
        file: 'src/controller/observe-github.ts',
        from: 'await github.observe(repository, known)',
        to: 'await github.observe(repository, known).catch(() => ({ repository, jobs: [], runs: [], missingJobIds: known.openJobs.map(({ id }) => id) }))',
      },
    ],
  },
  {
    name: "trust a failed listing of Slurm's as empty",
    sentence: /was given up for slurm:.*, and Slurm has not lost it/,
    changes: [
      {
        file: 'src/controller/observe-slurm.ts',
        from: 'await slurm.states(rows.map((row) => row.slurmJobId))',
        to: 'await slurm.states(rows.map((row) => row.slurmJobId)).catch(() => new Map<number, readonly string[]>())',
      },
      {
        file: 'src/controller/look-up-job.ts',
        from: "log.warn({ allocationId: id, err: error }, 'a Slurm job can not be looked up yet');\n      return undefined;",
        to: 'return null;',
      },
    ],
  },
  {
    name: "trust a partial listing of GitHub's as empty",
    sentence: /given up as surplus, and|came to nothing \(surplus/,
    changes: [
      {
        file: 'src/store/workflow-job-rows.ts',
        from: 'gt(workflowJobs.misses, 1)',
        to: 'gt(workflowJobs.misses, 0)',
      },
    ],
  },
  {
    name: "trust a partial listing of Slurm's as empty",
    sentence: /was given up for slurm:.*, and Slurm has not lost it/,
    changes: [
      {
        file: 'src/controller/observe-slurm.ts',
        from: 'if (absences >= absencesThatMatter) lookUpJob(context, row.id);',
        to: 'judge(context, row.id, null);',
      },
      {
        file: 'src/controller/observe-slurm.ts',
        from: 'import { lookUpJob }',
        to: 'import { judge, lookUpJob }',
      },
    ],
  },
  {
    name: 'mint before the claim is on disk',
    sentence: /was minted, and its row is/,
    changes: [
      {
        file: 'src/controller/claim.ts',
        from: "const granted = store.db.transaction((tx) => this.#grant(tx, id, request), { behavior: 'immediate' });",
        to: 'const granted = null;',
      },
      {
        file: 'src/controller/claim.ts',
        from: 'const answer = mintRunner(this.#context, id, request.workFolder).finally(',
        to: 'const answer = mintRunner(this.#context, id, request.workFolder).then((minted) => store.db.transaction((tx) => this.#grant(tx, id, request)) ?? minted).finally(',
      },
      {
        file: 'src/controller/mint-runner.ts',
        from: "if (findAllocation(store.db, row.id)?.state !== 'claimed')",
        to: 'if (findAllocation(store.db, row.id) === undefined)',
      },
      {
        file: 'src/controller/mint-runner.ts',
        from: "if (findAllocation(tx, row.id)?.state !== 'claimed') return false;",
        to: '',
      },
    ],
  },
  {
    name: 'cancel by id alone',
    sentence: /was cancelled, which is /,
    changes: [
      {
        file: 'src/controller/cancel-jobs.ts',
        from: 'await slurm.cancel({ id: row.slurmJobId, name: row.slurmJobName, user });',
        to: "await slurm.cancel({ id: row.slurmJobId, name: '', user });",
      },
    ],
  },
  {
    name: 'count an unconfirmed start as no supply',
    sentence: /allocations wait for .* queued at most|was submitted beside/,
    changes: [{ file: 'src/planner/deficit.ts', from: ' - pool.unconfirmed;', to: ';' }],
  },
  {
    name: 'count no attempt',
    changes: [
      {
        file: 'src/domain/attempts.ts',
        from: 'if (count + underWay < maxAttempts) return false;',
        to: 'return false;',
      },
    ],
  },
  {
    name: 'forget at the start the mints whose answer nobody waits for',
    changes: [
      {
        file: 'src/store/runner-rows.ts',
        from: "return db.update(runners).set({ state: 'doubtful' }).where(eq(runners.state, 'minting')).run().changes;",
        to: 'return 0;',
      },
    ],
  },
  {
    // The fuse is for loops that nobody foresaw: here nothing blocks a pool.
    name: 'a loop, and a fuse that lets sixty submits a minute through',
    sentence: /submits for .* in a minute/,
    changes: [
      {
        file: 'src/controller/pool-health.ts',
        from: 'const before = findPoolHealth(db, pool);\n  const same',
        to: 'if (pool !== null) return;\n  const before = findPoolHealth(db, pool);\n  const same',
      },
      {
        file: 'src/controller/submit-fuse.ts',
        from: '2 * jobs.size + spare - recent',
        to: '60 + 0 * jobs.size * spare - recent',
      },
    ],
  },
  {
    // Focused: it takes a deletion that fails while its runner's node does, and a mint in between, which 1,500 schedules of all kinds
    // never had together.
    name: 'mint beside a registration that waits for its deletion',
    kinds: ['queue', 'github', 'nodeFail', 'breakRunners', 'steps', 'minutes'],
    sentence: /was minted beside/,
    changes: [
      {
        file: 'src/controller/claim.ts',
        from: 'if (free <= leftovers.length) return waitFor(tx, row, leftovers);',
        to: '',
      },
      {
        file: 'src/controller/mint-runner.ts',
        from: '<= unstartedLeftovers(store.db, row).length) {',
        to: '<= 0 * unstartedLeftovers(store.db, row).length) {',
      },
    ],
  },
  {
    // Focused: a job asks again while its runner's mint is held.
    name: 'mint for a second claim beside the first',
    kinds: ['queue', 'slow', 'steps'],
    sentence: /was minted while the mint of/,
    changes: [
      {
        file: 'src/controller/claim.ts',
        from: 'if (underWay !== undefined) return underWay;',
        to: '',
      },
    ],
  },
  {
    // Focused: it takes runners that never come online, deletions that fail, and another job of their pool.
    name: 'count no registration of a runner that is being released',
    kinds: ['queue', 'github', 'thief', 'breakRunners', 'steps', 'minutes'],
    sentence: /was minted beside/,
    changes: [
      {
        file: 'src/store/runner-rows.ts',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
        from: "sql`+${allocations.state} in ('ended', 'releasing')`,\n        isNull(allocations.workflowJobId),",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
        to: "sql`+${allocations.state} = 'ended'`,\n        isNull(allocations.workflowJobId),",
      },
    ],
  },
  {
    name: 'move a row without a word of it',
    sentence: /its last move went to/,
    changes: [
      {
        file: 'src/store/move-allocation.ts',
        from: 'noteMove(tx).run({ allocationId: id, at: atMs, fromState: from, toState: to, detail: detail ?? null });',
        to: "if (from !== 'releasing') noteMove(tx).run({ allocationId: id, at: atMs, fromState: from, toState: to, detail: detail ?? null });",
      },
    ],
  },
  {
    // It ends by itself when it has idled for long enough.
    name: 'keep an idle runner that no job is left for',
    sentence: /idle registrations for/,
    changes: [
      {
        file: 'src/planner/plan-releases.ts',
        from: 'isSupply(allocation) && !allocation.inFlight',
        to: "isSupply(allocation) && !allocation.inFlight && allocation.state !== 'claimed'",
      },
    ],
  },
  {
    // Focused: it takes a runner that was minted after the backup, and that works when that has come back.
    name: 'delete a registration that works, and that no row knows',
    kinds: ['queue', 'backUp', 'restore', 'steps'],
    sentence: /which works and is no row's/,
    changes: [{ file: 'src/controller/sweep-registrations.ts', from: 'if (runner.busy) return;', to: '' }],
  },
  {
    name: 'show no job that waits',
    sentence: /has neither an allocation nor a reason/,
    changes: [
      {
        file: 'src/controller/describe-state.ts',
        from: '    jobs: jobs.map((job) =>',
        to: "    jobs: jobs.filter(({ status }) => status !== 'queued').map((job) =>",
      },
    ],
  },
  {
    name: 'plan for a job with the third poll that shows it',
    sentence: /has neither an allocation nor a reason/,
    changes: [
      {
        file: 'src/controller/take-snapshot.ts',
        from: 'if (watched.has(row.repository))',
        to: 'if (watched.has(row.repository) && row.createdAt <= clock.steadyMs() - 12_000)',
      },
    ],
  },
  {
    name: 'answer a claim of a job that Slurm has started again',
    changes: [
      {
        file: 'src/controller/claim.ts',
        from: 'if (request.restartCount > 0) {',
        to: 'if (request.restartCount < 0) {',
      },
    ],
  },
  {
    name: 'count a lost submit that is not fenced as no supply',
    sentence: /was submitted beside/,
    changes: [
      {
        file: 'src/store/allocation-rows.ts',
        from: 'return unconfirmed.unionAll(unfenced).prepare();',
        to: 'return unconfirmed.prepare();',
      },
    ],
  },
  {
    name: 'count a submit that the service died over as no supply',
    sentence: /was submitted beside/,
    changes: [
      {
        file: 'src/store/allocation-rows.ts',
        from: ".where(and(isNull(fences.answeredAt), eq(allocations.outcome, 'submit-lost')));",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
        to: ".where(and(isNull(fences.answeredAt), eq(allocations.outcome, 'submit-lost'), sql`${allocations.reason} <> 'The service stopped before Slurm answered.'`));",
      },
    ],
  },
  {
    // What went wrong before, a runner that GitHub gave nothing, explains nothing that comes after it.
    // Focused: a runner idles for two minutes, and another job waits for a slot after that.
    name: 'give up what waits for room, once a runner has idled out',
    kinds: ['queue', 'withhold', 'slots', 'steps'],
    sentence: /came to nothing .*and nothing explains it/,
    changes: [
      {
        file: 'src/controller/watch-waiting.ts',
        from: 'const hopeless = hopelessReason(job.reason);',
        to: 'const hopeless = store.db.$client.prepare("select 1 from allocations where outcome = \'idle\'").get() ? job.reason : hopelessReason(job.reason);',
      },
    ],
  },
  {
    name: 'sweep the registrations of every instance',
    sentence: /which is another's/,
    changes: [
      {
        file: 'src/controller/sweep-registrations.ts',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
        from: 'const prefix = `${config.runnerNamePrefix}-${store.instanceId}-`;',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
        to: 'const prefix = `${config.runnerNamePrefix}-`;',
      },
    ],
  },
  {
    // Focused: it takes a restore while a runner that the backup does not know works, and a list that lacks it at that moment.
    name: 'cancel what no row holds when a list lacks its runner',
    kinds: ['queue', 'backUp', 'restore', 'github', 'steps'],
    sentence: /was cancelled, which works on job|was cancelled while its runner/,
    changes: [
      {
        file: 'src/controller/end-orphans.ts',
        from: "if (listed.length === 0 && job.states.includes('PENDING')) {",
        to: 'if (listed.length === 0) {',
      },
    ],
  },
];
