/** How a Slurm job starts its runner on the node, and what that runner has there. */
export const launcherKinds = ['command', 'apptainer', 'docker'] as const;
export type LauncherKind = (typeof launcherKinds)[number];

export interface Launcher {
  readonly kind: LauncherKind;
  /** The runner's `run.sh`: on the node for `command`, else in the image. */
  readonly command: string;
  /**
   * For `apptainer` a SIF file, a sandbox folder or a reference (`docker://…`), for `docker` an archive or a reference. Null for
   * `command`.
   */
  readonly image: string | null;
  /** What a container sees of the node besides: `FROM:TO:ro` or `FROM:TO:rw`. */
  readonly binds: readonly string[];
  /** Folders that must be mounted before a claim, such as a CVMFS repository; containers see them, read-only. */
  readonly mounts: readonly string[];
  /** Names of variables of the Slurm job that the runner gets. */
  readonly environment: readonly string[];
  /** A rootless dockerd of each job's own; null for none. */
  readonly docker: RootlessDocker | null;
}

export interface RootlessDocker {
  /** Pull-through caches, as URLs. */
  readonly mirrors: readonly string[];
  /** A folder with archives of `docker save`, loaded before the claim. */
  readonly preload: string | null;
  /** Null: what dockerd finds fit. */
  readonly storageDriver: string | null;
  /** Containers reach the node's loopback, at 10.0.2.2. */
  readonly hostLoopback: boolean;
}
