import { messageOf } from '../domain/errors.ts';

/** One thing that differs, as `gha-slurm repair` tells it. */
export interface Finding {
  readonly what: string;
  readonly done: string;
  /** False where something is left to do. */
  readonly settled: boolean;
}

export type Result = Pick<Finding, 'done' | 'settled'>;

/** What can't be done now is told, and the next run finds it again. */
export async function attempt(act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    return { done: `failed: ${messageOf(error)} Run it again.`, settled: false };
  }
}
