/**
 * Takes the Slurm job of a check away, whatever is known of it. By id and name where its submit was answered, until Slurm has taken that;
 * by its name alone where the answer was lost, and some more times then, since a submit can take effect after any check. One that does so
 * after all of them claims nothing, and ends by itself.
 */
import type { SlurmClient } from '../slurm/create-slurm-client.ts';

export interface CheckJob {
  /** Null where the answer to its submit was lost. */
  readonly id: number | null;
  readonly name: string;
  readonly user: string | null;
}

/** Milliseconds before each try. A call that is not answered takes up to its time limit, besides. */
const waitsMs = [0, 2_000, 5_000, 15_000];

/**
 * @param stop somebody waits for the end: what was cancelled once is not looked at again.
 * @param pause resolves after so many milliseconds.
 * @returns a sentence that says what may be left; null when nothing is.
 */
export async function endCheckJob(
  slurm: Pick<SlurmClient, 'cancel' | 'cancelByName' | 'states'>,
  { id, name, user }: CheckJob,
  { stop, pause }: { readonly stop: AbortSignal; readonly pause: (ms: number) => Promise<void> },
): Promise<string | null> {
  let answered = false;
  for (const [tries, waitMs] of waitsMs.entries()) {
    if (answered && stop.aborted) return null;
    await pause(waitMs);
    try {
      // After failures nothing that changes something is sent before a look was answered.
      if (tries > 0 && !answered) await slurm.states([]);
      await (id === null ? slurm.cancelByName(name, user) : slurm.cancel({ id, name, user }));
      if (id !== null) return null;
      answered = true;
    } catch {
      // Whatever it was: the job is there until Slurm has said otherwise.
    }
  }
  if (answered) return null;
  const byUser = user === null ? '' : `, as ${user} or an administrator`;
  return `Its Slurm job may be left, since Slurm did not take its cancel: end it with "scancel --name=${name}"${byUser}.`;
}
