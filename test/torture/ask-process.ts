import { fork } from 'node:child_process';
import { join } from 'node:path';

/**
 * Has a file of this folder do one order in a process of its own, in plain Node. `root` is this project, or a copy of it.
 * @throws Error with what the process says when it ends without an answer.
 */
export function askProcess<Order extends object, Answer>(
  root: string,
  file: string,
  order: Order,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = fork(join(root, 'test/torture', file), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once('message', (answer) => resolve(answer as Answer));
    child.once('exit', (code) => reject(new Error(`${file} has ended with ${code}: ${stderr}`)));
    child.send(order);
  });
}
