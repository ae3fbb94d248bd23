import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** A crash of the process loses nothing that was written, so memory will do for its database, and is quicker by half. */
export const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
