import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Harness } from './harness.ts';

describe('a database that turns out to be damaged', () => {
  it.each(['GitHub', 'Slurm'] as const)(
    'ends the service, when the look at %s comes upon it',
    async (side) => {
      const harness = new Harness();
      const corrupt = new Database.SqliteError('database disk image is malformed', 'SQLITE_CORRUPT');
      const upon = () => Promise.reject(new Error('Failed query', { cause: corrupt }));
      if (side === 'GitHub') harness.github.observe = upon;
      else harness.slurm.states = upon;
      const running = harness.controller.run(new AbortController().signal);
      await expect(running).rejects.toThrow(expect.objectContaining({ cause: corrupt }));
    },
  );
});
