import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { openStore, type Store } from '../../src/store/open-store.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A migrated database on disk, open; closed and deleted with the test. */
export function temporaryStore(): Store & { readonly path: string } {
  const path = join(temporaryFolder(), 'gha-slurm.sqlite');
  migrateDatabase(path, 0);
  const store = openStore({ path, allowNetworkFileSystem: true });
  onTestFinished(() => store.close());
  return { ...store, path };
}
