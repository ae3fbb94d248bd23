import type { GitHubPort } from '../controller/ports.ts';
import { GitHubError, OperatorError } from '../domain/errors.ts';
import { ownerOfRunner } from '../domain/names.ts';
import { readStore } from '../store/read-store.ts';
import { instance } from '../store/schema.ts';

export interface NeighbourVerdict {
  /** Another gha-slurm serves the same label for the same repository. */
  readonly faults: readonly string[];
  readonly notes: readonly string[];
}

interface Asked {
  readonly repositories: readonly string[];
  readonly profiles: readonly string[];
  /** This service's, from its database; null where there is none yet. */
  readonly instanceId: string | null;
}

/** Where `migrate` has not made a database yet, or this machine is another one, there is no instance to know its own by. */
export function instanceIn(databaseFile: string): string | null {
  try {
    const { db, close } = readStore(databaseFile);
    try {
      return db.select().from(instance).get()?.id ?? null;
    } finally {
      close();
    }
  } catch (error) {
    if (error instanceof OperatorError) return null;
    throw error;
  }
}

/**
 * GitHub gives a job to any runner that has its labels: who else has registered one with the label of a profile? Tells what is registered
 * now; a neighbour without a job has no runner.
 */
export async function checkNeighbours(
  github: Pick<GitHubPort, 'runners'>,
  { repositories, profiles, instanceId }: Asked,
): Promise<NeighbourVerdict> {
  const faults = new Set<string>();
  const notes = new Set<string>();
  for (const repository of repositories) {
    try {
      for (const { name, labels } of await github.runners(repository)) {
        const profile = profiles.find((label) =>
          labels.some((other) => other.toLowerCase() === label.toLowerCase()),
        );
        const other = ownerOfRunner(name)?.instance ?? null;
        if (profile === undefined || (other !== null && other === instanceId)) continue;
        if (other === null)
          notes.add(
            `note: the runner ${name} of ${repository}, which no gha-slurm has registered, has the label ${profile}: it takes jobs of that profile.`,
          );
        else if (instanceId === null)
          notes.add(
            `note: the gha-slurm with the instance ${other} serves ${profile} for ${repository}; whether that is this one its database would say, which is not here.`,
          );
        else
          faults.add(
            `another gha-slurm, with the instance ${other}, serves ${profile} for ${repository} as well, and each gets jobs that the other has Slurm jobs for: give one of them a profile of another name.`,
          );
      }
    } catch (error) {
      if (!(error instanceof GitHubError)) throw error;
      notes.add(
        `note: whether anybody else serves these profiles for ${repository} is not known: ${error.message}`,
      );
    }
  }
  return { faults: [...faults], notes: [...notes] };
}
