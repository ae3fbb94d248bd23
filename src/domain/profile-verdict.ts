export interface ProfileVerdict {
  /** Sentences; each of them keeps every Slurm job of the profile from starting. */
  readonly faults: readonly string[];
  /** Sentences; each of them keeps its jobs from starting where Slurm is configured to look at it, which it does not tell. */
  readonly doubts: readonly string[];
  /** Sentences about what can't be judged, since Slurm does not tell. */
  readonly unknown: readonly string[];
  /** Sentences about what holds it up now, and may pass. */
  readonly notes: readonly string[];
}

/** Each sentence once, in the order of the verdicts. */
export function joinVerdicts(verdicts: readonly Partial<ProfileVerdict>[]): ProfileVerdict {
  const all = (field: keyof ProfileVerdict) => [
    ...new Set(verdicts.flatMap((verdict) => verdict[field] ?? [])),
  ];
  return { faults: all('faults'), doubts: all('doubts'), unknown: all('unknown'), notes: all('notes') };
}
