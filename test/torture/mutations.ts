import type { GitHubPort } from '../../src/controller/ports.ts';
import type { WholeSlurm } from '../../src/controller/repair.ts';

/** What changes something on the other side: a method that is added to a port and not here does not compile. */
export const mutations: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  slurm: {
    submit: true,
    cancel: true,
    cancelByName: true,
    setComment: true,
    states: false,
    job: false,
    accounting: false,
    listJobs: false,
  } satisfies Record<keyof WholeSlurm, boolean>,
  github: {
    mint: true,
    deregister: true,
    observe: false,
    runners: false,
    runner: false,
    pollDelayMs: false,
    rateLimit: false,
  } satisfies Record<keyof GitHubPort, boolean>,
};

export const isMutation = (side: string, method: string): boolean => mutations[side]?.[method] === true;
