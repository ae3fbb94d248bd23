/** Ends what a program of a test has left: its session, whatever process groups are in it, and what knows its folder. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** @param session the number of the process that was started `detached`. @param folder of the test alone. */
export function endSession(session: number, folder: string): void {
  // What is killed may just have started something.
  for (let left = processesOf(session, folder); left.length > 0; left = processesOf(session, folder))
    for (const pid of left) kill(pid);
}

function processesOf(session: number, folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        const [state, , , own] = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ');
        if (state === 'Z' || state === 'X') return false;
        return (
          Number(own) === session ||
          readlinkSync(`/proc/${pid}/cwd`).startsWith(`${folder}/`) ||
          readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`=${folder}/`)
        );
      } catch {
        // It has ended.
        return false;
      }
    });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
