import { configPath, loadConfig } from '../config/load-config.ts';
import { migrateDatabase } from '../store/migrate.ts';

/** @throws OperatorError that says what to do. */
export async function migrate(option: string | undefined): Promise<void> {
  const { config } = loadConfig(configPath(option));
  const { instanceId } = migrateDatabase(config.database.path, Date.now());
  console.log(`${config.database.path} is up to date (instance ${instanceId})`);
}
