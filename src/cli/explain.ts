import { type Config, configPath, loadConfig, type Secrets } from '../config/load-config.ts';
import type { JobExplanation } from '../controller/explain-job.ts';
import { type Accounted, jobLife } from '../controller/job-life.ts';
import type { Phases } from '../controller/phases.ts';
import { exitUsage, OperatorError } from '../domain/errors.ts';
import { readStore } from '../store/read-store.ts';

const timeLimitMs = 5_000;

/**
 * Prints a workflow job's life. Asks the running service, which alone knows what the job waits for now; where none answers, the
 * database tells the rest.
 * @throws OperatorError that says what to do.
 */
export async function explain(option: string | undefined, argument: string): Promise<void> {
  const id = Number(argument);
  if (!Number.isSafeInteger(id) || id <= 0)
    throw new OperatorError(
      `"${argument}" is not the id of a job: take the number at the end of the job's URL.`,
      exitUsage,
    );
  const { config, secrets } = loadConfig(configPath(option));
  const explanation = (await askService(config, secrets, id)) ?? readDatabase(config, id);
  if (explanation === 'unknown')
    throw new OperatorError(
      `Job ${id} is not known here: its repository is not watched, none of its labels is a profile, or it has been over for longer than database.keep.`,
    );
  console.log(toText(explanation));
}

async function askService(
  { server }: Config,
  { adminToken }: Secrets,
  id: number,
): Promise<JobExplanation | 'unknown' | null> {
  const { host, port } = server.admin;
  const name = ['0.0.0.0', '::'].includes(host) ? 'localhost' : host;
  const url = `http://${name.includes(':') ? `[${name}]` : name}:${port}/api/jobs/${id}`;
  const headers = adminToken === null ? {} : { Authorization: `Bearer ${adminToken}` };
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(timeLimitMs) }).catch(() => null);
  if (answer === null) return null;
  if (answer.status === 404) return 'unknown';
  if (!answer.ok)
    throw new OperatorError(`The service answers ${answer.status} at ${url}: see its log for the reason.`);
  return (await answer.json()) as JobExplanation;
}

function readDatabase({ database }: Config, id: number): JobExplanation | 'unknown' {
  const { db, close } = readStore(database.path);
  try {
    const life = jobLife(db, id);
    const now = 'The service does not answer at server.admin: this is what it had written down.';
    return life === null ? 'unknown' : { ...life, now };
  } finally {
    close();
  }
}

function toText(life: JobExplanation): string {
  const { id, repository, name, runId, attempt, labels } = life;
  const { events, earlierTries, phases, accounting, output, now } = life;
  return [
    `${repository}: job ${id} "${name}" of run ${runId}, attempt ${attempt}, runs-on ${labels.join(', ')}`,
    ...events.map(({ at, what }) => `${at}  ${what}`),
    ...(earlierTries > 0
      ? [
          `and ${earlierTries} earlier tries of its pool, made for other jobs, that came to nothing: /api/state lists all allocations`,
        ]
      : []),
    ...phases.map((phase) => `time of allocation ${phase.allocationId}: ${phaseText(phase)}`),
    ...accounting.map(
      (accounted) => `accounting of allocation ${accounted.allocationId}: ${accountedText(accounted)}`,
    ),
    ...(output === null
      ? []
      : [
          `what allocation ${output.allocationId} printed last, until ${output.at}:`,
          ...output.text
            .trimEnd()
            .split('\n')
            .map((line) => `  ${line}`),
        ]),
    now,
  ].join('\n');
}

function accountedText({ peakMemoryMiB, end }: Accounted): string {
  const peak = peakMemoryMiB === null ? [] : [`${peakMemoryMiB} MiB of memory at its peak.`];
  return [...peak, ...(end === null ? [] : [end])].join(' ');
}

function phaseText(phases: Phases): string {
  const parts = [
    ['in Slurm', phases.slurmWaitMs],
    ['to prepare', phases.prepareMs],
    ['of that for the image', phases.imageMs],
    ['of that for Docker', phases.dockerMs],
    ['to be granted its claim', phases.claimMs],
    ['until its runner was online', phases.onlineMs],
    ['for the job', phases.jobMs],
  ] as const;
  return parts
    .flatMap(([what, ms]) => (ms === null ? [] : `${(ms / 1_000).toFixed(1)} s ${what}`))
    .join(', ');
}
