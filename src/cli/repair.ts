import { configPath, loadConfig } from '../config/load-config.ts';
import { systemChance } from '../controller/chance.ts';
import { repair as compare } from '../controller/repair.ts';
import { GitHubError, OperatorError, SlurmError } from '../domain/errors.ts';
import { systemClock } from '../domain/time.ts';
import { openStore } from '../store/open-store.ts';
import { controllerConfig } from './controller-config.ts';
import { createClients } from './create-clients.ts';
import { createLog } from './create-log.ts';

/**
 * Compares the database with all that Slurm and GitHub have of this instance, and puts right what differs; prints a line for each.
 * The service must not run meanwhile.
 * @throws OperatorError that says what to do.
 */
export async function repair(
  option: string | undefined,
  { dryRun }: { readonly dryRun: boolean },
): Promise<void> {
  const { config, secrets } = loadConfig(configPath(option));
  const log = createLog({ ...config, logLevel: 'error' });
  const store = openStore(config.database);
  try {
    const damage = await store.damage;
    if (damage !== null) throw damage;
    const findings = await compare(
      {
        store,
        ...createClients(config, secrets, log),
        config: controllerConfig(config, secrets),
        clock: systemClock,
        chance: systemChance,
        log,
        count: () => undefined,
      },
      { dryRun },
    ).catch((error: unknown) => {
      if (!(error instanceof SlurmError || error instanceof GitHubError)) throw error;
      throw new OperatorError(`Nothing was compared: ${error.message}`, 1, { cause: error });
    });
    for (const { what, done } of findings) console.log(`${what}: ${done}`);
    const open = findings.filter(({ settled }) => !settled).length;
    console.log(`${findings.length} found, ${open} left to do`);
    if (open > 0 && !dryRun) process.exitCode = 1;
  } finally {
    store.close();
  }
}
