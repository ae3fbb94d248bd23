/** From Slurm's start of a job on its node (its prolog, the first that slurmd runs for it) to the start of its workflow job, for each kind of launcher, image at hand. */
import Database from 'better-sqlite3';
import { directoryInside } from '../../slurm/cluster/slurm-conf.ts';
import { apptainer, docker, profileWith, startNodeWorld } from '../node/start-node-world.ts';
import { runnerBind } from '../support/runner-folder.ts';
import { conclusions, startWorkload } from '../support/workload.ts';
import { type Figure, seconds } from './figure.ts';

const labels = {
  'slurm-command': profileWith({ kind: 'command', command: `${runnerBind.to}/run.sh` }),
  'slurm-apptainer': profileWith({ ...apptainer, image: '/images/runner.sif' }),
  'slurm-docker': profileWith(docker),
};
/** One after the other, so that none waits for another's CPU. */
const times = 5;
const wantedMs = 2_000;

export async function nodeStart(): Promise<Figure[]> {
  const node = await startNodeWorld(
    'bench-node',
    { profiles: labels },
    { slurmConf: [`Prolog=${directoryInside}/prolog`] },
  );
  const { world } = node;
  try {
    const prolog = `${directoryInside}/prolog`;
    await node.onNode(
      `printf '#!/bin/sh\\ndate +%%s%%3N > "/results/begun-$SLURM_JOB_ID"\\n' > ${prolog}; chmod 0755 ${prolog}`,
    );
    const figures: Figure[] = [];
    for (const label of Object.keys(labels)) {
      const starts: { readonly allMs: number; readonly ownMs: number }[] = [];
      for (let count = 0; count < times; count += 1) {
        const work = await startWorkload(world);
        const [job] = work.queue(1, label, 'true');
        const left = await work.finish(60_000);
        if (job === undefined || left.length > 0 || conclusions([job])[0] !== 'success')
          throw new Error(`the job of ${label} did not run: ${left.join('; ')}`);
        const started = world.github.control
          .events()
          .find((event) => event.kind === 'job started' && event.jobId === job.id);
        const { slurmJobId, preparedMs } = allocationOf(world.config.databaseFile, job.runnerName);
        const begunMs = Number(await node.result(`begun-${slurmJobId}`));
        const allMs = (started?.atMs ?? Number.NaN) - begunMs;
        starts.push({ allMs, ownMs: allMs - preparedMs });
      }
      const [all, own] = [middle(starts.map(({ allMs }) => allMs)), middle(starts.map(({ ownMs }) => ownMs))];
      figures.push({
        what: `${label}: from the start in Slurm to the runner at work, beside the launcher's preparation`,
        figure: `${seconds(own)} (with it ${seconds(all)}; the middle of ${times})`,
        wanted: `${wantedMs / 1_000} s`,
        met: own <= wantedMs,
      });
    }
    return figures;
  } finally {
    await node.service.kill('SIGTERM');
    await world.stop();
  }
}

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

function allocationOf(file: string, runnerName: string | null): { slurmJobId: number; preparedMs: number } {
  const database = new Database(file, { readonly: true });
  try {
    return database
      .prepare(
        'select slurm_job_id as slurmJobId, prepared_ms as preparedMs from allocations join runners on allocation_id = id where name = ?',
      )
      .get(runnerName) as { slurmJobId: number; preparedMs: number };
  } finally {
    database.close();
  }
}
