import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Found, Hunt } from './hunt.ts';

/** Searches in a process of its own, in the project at `root`: this one, or a copy with a bug. */
export function startHunt(root: string, order: Hunt): Promise<Found> {
  return new Promise((resolve, reject) => {
    const child = fork(join(root, 'test/torture/hunt.ts'), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once('message', (found) => resolve(found as Found));
    child.once('exit', (code) => reject(new Error(`the search has ended with ${code}: ${stderr}`)));
    child.send(order);
  });
}
