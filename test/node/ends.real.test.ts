/** However a job ends, nothing of it is left: with Apptainer and rootless Docker, in real Slurm jobs, two at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import { runnerBind } from '../support/runner-folder.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { startWorkload } from '../support/workload.ts';
import { type ImageServer, startImageServer } from './start-image-server.ts';
import {
  apptainer,
  docker,
  type NodeWorld,
  profileWith,
  rootless,
  startNodeWorld,
} from './start-node-world.ts';

const kinds = ['slurm-command', 'slurm-engine', 'slurm-apptainer', 'slurm-both', 'slurm-docker'] as const;
const rounds = 2;

describe.skipIf(realSlurmMissing !== null)('the end of a job', () => {
  let node: NodeWorld;
  let images: ImageServer;
  beforeAll(async () => {
    images = await startImageServer();
    const command = { kind: 'command', command: `${runnerBind.to}/run.sh` };
    node = await startNodeWorld(
      'ends',
      {
        profiles: {
          'slurm-command': profileWith(command),
          'slurm-engine': profileWith({ ...command, docker: rootless }),
          // By reference: it runs on an image of the node's cache, whose lock it holds.
          'slurm-apptainer': profileWith({ ...apptainer, image: `${images.url}/runner.sif` }),
          'slurm-both': profileWith({ ...apptainer, docker: rootless }),
          'slurm-docker': profileWith(docker),
        },
      },
      { cpus: 16, slurmConf: ['KillWait=30'] },
    );
    await node.onNode('cp /images/runner.sif /var/lib/cluster/runner.sif');
    images.serve(`${node.world.cluster.directory}/runner.sif`);
  });
  afterAll(async () => {
    await node.service.kill('SIGTERM');
    await node.world.stop();
    await images.stop();
  });

  /** Of the Slurm jobs that these ran in. */
  async function numbersOf(jobs: readonly SimulatedJob[]): Promise<number[]> {
    const allocations = (await node.world.state())?.allocations ?? [];
    return jobs.flatMap(
      ({ runnerName }) => allocations.find((row) => row.runnerName === runnerName)?.slurmJobId ?? [],
    );
  }

  /** Whether the output of each of their Slurm jobs has these words. */
  async function withWords(jobs: readonly SimulatedJob[], words: string): Promise<boolean> {
    const numbers = await numbersOf(jobs);
    const files = numbers.map((number) => `/results/slurm-${number}.log`).join(' ');
    const found = await node.onNode(`grep -l '${words}' ${files} | wc -l`);
    return numbers.length === jobs.length && Number(found) === jobs.length;
  }

  /** A step that leaves what it can: a process that has left its group, files that nobody may write, a container. */
  const untidy = (end: string, containers: boolean) => `
    mkdir -p a/b && : > a/b/c && chmod -R a-w a
    (setsid sleep 600 > /dev/null 2>&1 &)
    echo left > "$HOME/left"; echo left > "$TMPDIR/left"
    ${containers ? 'docker run -d -v "$PWD:$PWD" busybox sleep 600 > /dev/null; docker run --rm -v "$PWD:/w" busybox sh -c "echo root > /w/of-root"' : ''}
    : > "/results/untidy-$RUNNER_NAME"
    ${end}`;
  const onTheNode = new Set(['slurm-command', 'slurm-engine']);
  const hasDocker = (label: string) => !['slurm-command', 'slurm-apptainer'].includes(label);

  it.each([
    ['success', 'true', null],
    ['failure', 'exit 7', null],
    ['cancel', 'sleep 600', 'scancel'],
    ['SIGKILL of the batch script', 'sleep 600', 'kill'],
    ['the time limit', 'sleep 600', 'time limit'],
  ] as const)('%s: no process, mount, folder, socket or lock is left', async (_what, end, act) => {
    await node.onNode('rm -f /results/untidy-*');
    const work = await startWorkload(node.world);
    const jobs = kinds.flatMap((label) => work.queue(rounds, label, untidy(end, hasDocker(label))));
    if (act !== null) {
      await until(() => jobs.every((job) => job.status === 'in_progress'), 90_000);
      // Each step has done its worst, and says so.
      const untidied = async () => Number(await node.onNode('ls /results | grep -c ^untidy- || true'));
      await until(async () => (await untidied()) === jobs.length, 60_000);
      // That of the cached image, which the jobs on it share.
      const held = (await node.leftovers()).filter((line) => line.startsWith('lock '));
      expect(held).toEqual([expect.stringMatching(/\.sif\.lock$/)]);
      if (act === 'scancel') await node.onNode('scancel --user gha');
      // Apptainer as well, which would end its FUSE processes: Slurm's own kill may hit it first.
      if (act === 'kill')
        await node.onNode(
          "for step in $(pgrep -f '^slurmstepd:'); do pkill -KILL -P $step -f slurm_script || true; done; pkill -KILL -f '^Apptainer runtime parent' || true",
        );
      if (act === 'time limit')
        await node.onNode('for job in $(squeue -h -o %i); do scontrol update JobId=$job TimeLimit=1; done');
      if (act === 'time limit') {
        // slurmctld looks at time limits twice a minute.
        const told = () => withWords(jobs, 'interrupting the runner');
        await until(told, 90_000, 250);
      }
      if (act !== 'kill') {
        // GitHub hears it from the runner, in every launcher, because that was told: within a minute, and from nobody else.
        await until(() => jobs.every((job) => job.status === 'completed'), 60_000).catch(() => undefined);
        expect(jobs.map(({ conclusion }) => conclusion)).toEqual(jobs.map(() => 'failure'));
        // With proctrack/linuxproc scancel's own TERM is faster, where the runner stands on the node itself.
        const told = (label: string) =>
          act === 'scancel' && onTheNode.has(label) ? 'Told to end by' : 'Told to end by INT';
        for (const label of kinds)
          expect(
            await withWords(
              jobs.filter((job) => job.labels.includes(label)),
              told(label),
            ),
            label,
          ).toBe(true);
      }
      await until(async () => (await node.onNode('squeue -h')).trim() === '', 150_000);
      // GitHub hears nothing of a runner that was killed.
      for (const job of jobs)
        if (job.status !== 'completed') node.world.github.control.completeJob(job.id, 'failure');
    }
    await until(() => jobs.every((job) => job.status === 'completed'), 120_000);
    await until(async () => (await node.onNode('squeue -h')).trim() === '', 60_000);
    if (act === 'kill') {
      // Nobody was left to delete the folders: the next job on the node does.
      const after = await startWorkload(node.world);
      after.queue(1, 'slurm-command', 'true');
      await after.finish(60_000);
    }
    await until(async () => (await node.leftovers()).length === 0, 10_000).catch(() => undefined);
    expect(await node.leftovers()).toEqual([]);
    expect(images.pulled).toEqual(['/runner.sif']);
  });
});
