/** What a running cluster writes down about itself, so that others can find it by name. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, type Release } from './root-file-system.ts';

export interface ClusterState {
  readonly name: string;
  readonly release: Release;
  /** Where slurmrestd listens. */
  readonly restHost: string;
  readonly restPort: number;
  /** Of the process outside the cluster's namespaces: killing it ends everything inside. */
  readonly supervisorPid: number;
  /** Start time of that process in clock ticks, so that a reused pid is told apart. */
  readonly supervisorStart: string;
}

const runDirectory = join(cacheDirectory, 'run');

export const directoryOf = (name: string): string => join(runDirectory, name);

export function writeState(state: ClusterState): void {
  writeFileSync(join(directoryOf(state.name), 'state.json'), JSON.stringify(state));
}

export function readState(name: string): ClusterState | null {
  const path = join(directoryOf(name), 'state.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as ClusterState) : null;
}

export function clusterNames(): string[] {
  return existsSync(runDirectory) ? readdirSync(runDirectory) : [];
}

/** A fresh folder, as nobody but root may read it: keys are in there. */
export function makeDirectory(name: string): string {
  const directory = directoryOf(name);
  rmSync(directory, { recursive: true, force: true });
  for (const part of ['conf', 'log', 'state', 'spool', 'stopped', 'socket', 'mnt']) {
    mkdirSync(join(directory, part), { recursive: true, mode: 0o755 });
  }
  return directory;
}

/** Null when there is no such process. */
export function processStart(pid: number): string | null {
  try {
    return (
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[19] ?? null
    );
  } catch {
    return null;
  }
}

export function isAlive({ supervisorPid, supervisorStart }: ClusterState): boolean {
  return processStart(supervisorPid) === supervisorStart;
}
