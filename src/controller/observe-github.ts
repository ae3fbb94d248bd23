import { sqliteErrorOf } from '../store/damage.ts';
import { liveRunIds, openJobs } from '../store/workflow-job-rows.ts';
import type { Context } from './context.ts';
import { failureOf } from './observations.ts';
import { recordObservation } from './record-observation.ts';

/**
 * Looks at one repository. A failure is recorded as such, and changes nothing that was known.
 * @throws what SQLite says, which is no word about GitHub.
 */
export async function observeRepository(context: Context, repository: string): Promise<void> {
  const { store, github, clock, seen, log, count } = context;
  const scope = seen.scope(repository);
  const begunMs = clock.monotonicMs();
  try {
    const known = { runIds: liveRunIds(store.db, repository), openJobs: openJobs(store.db, repository) };
    recordObservation(context, await github.observe(repository, known), begunMs);
    if (scope.failure !== null) log.info({ repo: repository }, 'GitHub answers again');
    scope.begunMs = begunMs;
    scope.failure = null;
  } catch (error) {
    if (sqliteErrorOf(error) !== null) throw error;
    count('github_observations_failed');
    const failure = failureOf(error, clock.calendarMs(), scope.failure);
    if (scope.failure?.message !== failure.message) {
      log.error({ repo: repository, reason: failure.message }, 'repository can not be observed');
    }
    scope.failure = failure;
  }
}
