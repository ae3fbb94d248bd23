/** A size label and the Slurm resources it stands for. */
export interface Profile {
  /** The label as configured; matched without regard to case. */
  readonly name: string;
  readonly partition: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly timeLimitMinutes: number;
  readonly account?: string | undefined;
  readonly qos?: string | undefined;
  readonly constraint?: string | undefined;
  /** As `--gres` takes it, without the `gres/` prefix: `gpu:1`, `gpu:a100:2,tmpdisk:4096`. */
  readonly gres?: string | undefined;
  /** Slurm jobs of this profile at once, whatever their state. */
  readonly maxAllocations?: number | undefined;
}
