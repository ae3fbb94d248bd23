import { configPath, loadConfig } from '../config/load-config.ts';
import { OperatorError } from '../domain/errors.ts';
import { backUp } from '../store/back-up.ts';

/** A copy takes seconds a gigabyte: what is not done by then hangs, on a disk or a lock. */
const timeLimitMs = 10 * 60_000;

/**
 * Makes a backup of the database, whether the service runs or not.
 * @throws OperatorError that says what to do.
 */
export async function backup(
  option: string | undefined,
  file: string,
  { force }: { readonly force: boolean },
): Promise<void> {
  const { config } = loadConfig(configPath(option));
  const stop = new AbortController();
  const giveUp = (reason: string): void => stop.abort(new OperatorError(reason));
  const timer = setTimeout(
    () =>
      giveUp(
        `The backup ${file} was not done within ${timeLimitMs / 60_000} minutes: see whether its disk answers, then run it again.`,
      ),
    timeLimitMs,
  );
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => giveUp(`The backup ${file} was stopped by ${signal}: nothing is left of it.`));
  }
  try {
    const nowMs = Date.now();
    const bytes = await backUp({
      databasePath: config.database.path,
      file,
      force,
      nowMs,
      signal: stop.signal,
    });
    console.log(`${file} is a backup of ${config.database.path}, ${(bytes / 1_024 ** 2).toFixed(1)} MiB`);
  } finally {
    clearTimeout(timer);
  }
}
