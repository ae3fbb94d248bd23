/**
 * Fields of a submit body that a profile may not have: with them a submit makes something else than one Slurm job, on one node, that is
 * followed by the id in Slurm's answer, starts in its turn, and ends with its runner. What was tried on Slurm 24.11 and 26.05 is in ADR 34.
 */
import { expandHostlist } from './hostlist.ts';

const one = 'one allocation is one Slurm job';
const oneNode = 'a runner has one task on one node, and Slurm allows no other number beside that';
const stays = 'a configuration stays, and a point in time passes';
const cluster = 'the service follows its jobs on the cluster of slurm.url alone';
const held = 'the job is held, and nobody releases it';

const refusedFields: ReadonlyMap<string, string> = new Map([
  ['array', `starts a Slurm job for each of its tasks: ${one}`],
  ['crontab', `starts the job again at each of its times: ${one}`],
  ['hetjob_group', `makes the job a part of another: ${one}`],
  ['job_id', `is given by Slurm: ${one}, with an id of its own`],
  ['step_id', `names a job by its id, which Slurm gives: ${one}, with an id of its own`],
  ['minimum_nodes', oneNode],
  ['maximum_nodes', oneNode],
  ['tasks_per_node', oneNode],
  ['argv', 'the batch script takes no arguments'],
  ['hold', held],
  ['immediate', 'a job waits in the queue of Slurm until there is room for it'],
  ['dependency', 'names other jobs by ids that pass, or by a job name, and each job has a name of its own'],
  ['begin_time', stays],
  ['deadline', stays],
  ['end_time', stays],
  ['kill_on_node_fail', 'a job whose node has failed has to end, or its runner is waited for without end'],
  ['clusters', cluster],
  ['cluster_constraint', cluster],
  ['user_id', 'is told by the token: see user of the watch entry'],
  ['exclusive', 'has a setting of its own: exclusive'],
]);

/** Of `flags`; the others are the site's to choose. */
const refusedFlags: ReadonlyMap<string, string> = new Map([
  ['CRON_JOB', `Slurm starts such a job again and again: ${one}`],
  ['EXTERNAL_JOB', 'such a job runs no batch script, and a runner lives in one'],
  ['HETEROGENEOUS_JOB', `makes the job a part of another: ${one}`],
  ['EXPEDITED_REQUEUE', 'a requeued job has a spent runner'],
  ['TEST_NOW_ONLY', 'only asks whether the job would start'],
]);

/** What is wrong with a profile's further field; null when the field may be there. */
export function refusedField(field: string, value: unknown): string | null {
  if (field === 'priority' && numberOf(value) === 0) return `with the priority 0 ${held}`;
  if (field === 'flags' && Array.isArray(value)) {
    const found = value.find((flag) => refusedFlags.has(flag));
    return found === undefined ? null : `${found}: ${refusedFlags.get(found)}`;
  }
  if (field === 'required_nodes') {
    const names = requiredNodes(value);
    return names === null || names.length < 2 ? null : `Slurm gives a job all of these nodes: ${oneNode}`;
  }
  return refusedFields.get(field) ?? null;
}

/** The nodes that a job must have, by the value of the field; null where that is not understood here. */
export function requiredNodes(value: unknown): string[] | null {
  const texts = Array.isArray(value) ? value : [value];
  const lists = texts.map((text) => (typeof text === 'string' ? expandHostlist(text) : null));
  return lists.includes(null) ? null : [...new Set(lists.flatMap((names) => names ?? []))];
}

/** Slurm takes a number, or one with `set` beside it. */
function numberOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'number' in value ? value.number : value;
}
