/** Runners in Apptainer, rootless Docker, and on the node itself, in real Slurm jobs of an ordinary user. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hookEvents } from '../../src/domain/hook.ts';
import { leftBehind } from '../support/left-behind.ts';
import { runnerBind } from '../support/runner-folder.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { conclusions, startWorkload } from '../support/workload.ts';
import { runJob } from './run-job.ts';
import {
  apptainer,
  docker,
  type NodeWorld,
  profileWith,
  rootless,
  startNodeWorld,
} from './start-node-world.ts';

const command = { kind: 'command', command: `${runnerBind.to}/run.sh` } as const;

describe.skipIf(realSlurmMissing !== null)('launchers', () => {
  let node: NodeWorld;
  beforeAll(async () => {
    node = await startNodeWorld('launchers', {
      profiles: {
        'slurm-command': profileWith(command),
        'slurm-sandbox': profileWith(apptainer),
        'slurm-sif': profileWith({ ...apptainer, image: '/images/runner.sif' }),
        'slurm-docker': profileWith({ ...docker, mounts: ['/cvmfs/data.test'] }),
        'slurm-both': profileWith({ ...apptainer, docker: rootless, mounts: ['/cvmfs/data.test'] }),
        'slurm-engine': profileWith({ ...command, docker: rootless }),
        'slurm-unmounted': profileWith({ ...apptainer, mounts: ['/cvmfs/absent.test'] }),
        'slurm-broken': profileWith({ kind: 'command', command: '/images/broken/run.sh' }),
      },
      runner: {
        hooks: Object.fromEntries(hookEvents.map((event) => [event, { script: `/images/hooks/${event}` }])),
      },
    });
  });
  afterAll(async () => {
    await node.service.kill('SIGTERM');
    await node.world.stop();
  });

  const run = (label: string, commands: string) => runJob(node, label, commands);

  const look = `
    echo "uid=$(id -u) umask=$(umask) core=$(ulimit -c) home=$HOME tmp=$TMPDIR"
    echo "pwd=$PWD"
    echo "processes=$(ls -d /proc/[0-9]* | wc -l 2> /dev/null || ls -d /proc/[0-9]* | grep -c .)"
    echo "site=\${SITE_SETTING-unset} jit=\${ACTIONS_RUNNER_INPUT_JITCONFIG-unset}"
    env | grep -E '^(GHA_SLURM|SLURM_JWT)' || echo clean
    touch "$HOME/x" "$TMPDIR/y" /tmp/z
    echo end`;

  it.each([
    ['slurm-sandbox', '1000'],
    ['slurm-sif', '1000'],
    // Root in there is the user outside.
    ['slurm-docker', '0'],
  ])('%s: a container with processes, a /tmp and an environment of its own', async (label, uid) => {
    const printed = await run(label, look);
    expect(printed).toContain(`uid=${uid} umask=0022 core=0`);
    expect(printed).toMatch(/home=(\/tmp\/gha-\d+-\w+\/work)\/home tmp=\1\/tmp\n/);
    expect(printed).toMatch(/pwd=\/tmp\/gha-\d+-\w+\/work\/_work\n/);
    expect(printed).toContain('site=unset');
    expect(printed).toContain('\nclean\nend\n');
    expect(Number(/processes=(\d+)/.exec(printed)?.[1])).toBeLessThan(25);
  });

  it('command: on the node itself, with the variables of the site', async () => {
    const printed = await run('slurm-command', look.replace('/tmp/z', ''));
    expect(printed).toContain('uid=1000 umask=0022 core=0');
    expect(printed).toMatch(/home=(\/tmp\/gha-\d+-\w+\/work)\/home tmp=\1\/tmp\n/);
    expect(printed).toContain('site=known to the runner');
    expect(printed).toContain('\nclean\nend\n');
  });

  const compose = (name: string) => `
    echo "from the step of ${name}" > step.txt
    : > /results/${name}.there
    while [ "$(ls /results/*.there | grep -c .)" -lt 2 ]; do sleep 0.1; done
    docker run --rm -v "$PWD:$PWD" -w "$PWD" busybox sh -c 'cat step.txt; id > inside.txt; echo done > "$0"' container.txt
    cat container.txt inside.txt
    echo private > "$TMPDIR/mine-${name}"
    docker run --rm -v /tmp:/host busybox ls /host
    docker run -d --name same busybox sleep 300
    docker ps --format '{{.Names}}'
    docker images --format '{{.Repository}}'
    stat -c %u container.txt`;

  it('docker run with the work folder on both sides; two at once on one node do not touch each other', async () => {
    const work = await startWorkload(node.world);
    const labels = ['slurm-both', 'slurm-engine'];
    const jobs = labels.flatMap((label) =>
      work.queue(1, label, `exec > /results/${label} 2>&1\n${compose(label)}`),
    );
    expect(await work.finish(120_000)).toEqual([]);
    for (const label of labels) {
      const printed = await node.result(label);
      expect(printed).toContain(`from the step of ${label}\ndone\nuid=0`);
      expect(printed.match(/^same$/gm), printed).toHaveLength(1);
      expect(printed.match(/^busybox$/gm)).toHaveLength(1);
      expect(printed).toMatch(/^1000$/m);
    }
    // The daemon's /tmp is the job's.
    expect(await node.result('slurm-both')).toMatch(/^mine-slurm-both$/m);
    expect(await node.result('slurm-both')).not.toMatch(/^mine-slurm-engine$/m);
    expect(await node.result('slurm-engine')).toMatch(/^mine-slurm-engine$/m);
    expect(conclusions(jobs)).toEqual(['success', 'success']);
    expect(await node.leftovers()).toEqual([]);
  });

  it("the site's hooks: on the node before the claim and at the end, where the runner is around its job", async () => {
    const seen = new Set((await node.result('hooks')).split('\n').map((line) => line.trim()));
    expect([...seen].sort()).toEqual([
      '',
      'beforeClaim node',
      'exit node',
      'jobCompleted apptainer job',
      'jobCompleted docker job',
      'jobCompleted node job',
      'jobStarted apptainer job',
      'jobStarted docker job',
      'jobStarted node job',
    ]);
  });

  it('an image from CVMFS: docker load', async () => {
    const printed = await run(
      'slurm-both',
      'docker load -i /cvmfs/data.test/images/busybox.tar; touch /cvmfs/data.test/x || echo read-only',
    );
    expect(printed).toContain('Loaded image: busybox:latest');
    expect(printed).toContain('read-only');
  });

  it('docker: `mounts` are in the container, read-only for its root too', async () => {
    const printed = await run(
      'slurm-docker',
      `ls /cvmfs/data.test/images; touch /cvmfs/data.test/x || echo read-only
      docker run --rm -v /cvmfs/data.test:/data busybox sh -c 'ls /data/images; echo x > /data/x || echo read-only as well'`,
    );
    expect(printed).toMatch(/^busybox.tar\n(.*\n)*read-only\nbusybox.tar\n(.*\n)*read-only as well\n/);
  });

  it('command with docker: containers get the work folder, /tmp and software, and no path that only the node has', async () => {
    const printed = await run(
      'slurm-engine',
      `show() { echo "$1: $(docker run --rm -v "$1:/shown" busybox ls /shown 2>&1 | tr '\\n' ' ')"; }
      echo of-work > mine; echo of-tmp > "$TMPDIR/mine"
      show "$PWD"; show /tmp; show /opt; show /results; show /home/gha`,
    );
    expect(printed).toMatch(/_work: .*mine/);
    expect(printed).toMatch(/^\/tmp: .*mine/m);
    expect(printed).toMatch(/^\/opt: .*actions-runner/m);
    for (const path of ['/results', '/home/gha']) expect(printed).toMatch(`${path}: docker: Error`);
  });

  it('where the time of an allocation went is kept', async () => {
    const work = await startWorkload(node.world);
    const [job] = work.queue(1, 'slurm-docker', 'sleep 1');
    expect(await work.finish(60_000)).toEqual([]);
    const told = await node.world.run('explain', String(job?.id));
    const phases = /time of allocation \w+: (.*)/.exec(told)?.[1] ?? told;
    const parts = [
      'in Slurm',
      'to prepare',
      'for the image',
      'for Docker',
      'granted its claim',
      'until its runner was online',
      'for the job',
    ];
    for (const part of parts) expect(phases).toMatch(new RegExp(`\\d+\\.\\d s (of that )?(to be )?${part}`));
    // It loads an image, and waits for its dockerd.
    expect(phases).not.toMatch(/\b0\.0 s (to prepare|of that|for the job)/);
  });

  it('a runner that ends before its job: what it printed is shown, without its secrets', async () => {
    const work = await startWorkload(node.world);
    const [job] = work.queue(1, 'slurm-broken', 'true');
    if (job === undefined) throw new Error('no job was queued');
    // Not known before the next poll.
    const explained = () => node.world.run('explain', String(job.id)).catch(() => '');
    await until(async () => (await explained()).includes('printed last'), 60_000, 500);
    const told = await explained();
    expect(told).toContain('  Cannot reach https://user:***@github.test\n');
    expect(told).toContain('gha-slurm: the runner has ended');
    node.world.github.control.cancelJob(job.id);
    await until(async () => (await leftBehind(node.world)).length === 0, 60_000);
  });

  it('check --node says of each profile what its node lacks, and leaves nothing', async () => {
    await node.onNode('mv /usr/bin/newuidmap /usr/bin/away');
    const told = await node.world
      .run('check', '--node', '--wait', '60s')
      .finally(() => node.onNode('mv /usr/bin/away /usr/bin/newuidmap'))
      .then(
        () => 'it ended with 0',
        (error: { stdout?: string }) => error.stdout ?? String(error),
      );
    const lines = told.split('\n').filter((line) => line.startsWith('a job of profile'));
    const of = (profile: string) => lines.find((line) => line.includes(` ${profile}: `)) ?? told;
    for (const profile of ['slurm-command', 'slurm-sandbox', 'slurm-sif', 'slurm-broken'])
      expect(of(profile)).toMatch(/: ok on node: \d+ ms to prepare/);
    for (const profile of ['slurm-docker', 'slurm-both', 'slurm-engine'])
      expect(of(profile)).toContain('lacks something on node: rootless Docker needs newuidmap');
    expect(of('slurm-unmounted')).toContain('lacks something on node: /cvmfs/absent.test is not mounted');
    expect(lines).toHaveLength(8);
    expect((await node.onNode('squeue -h')).trim()).toBe('');
    expect(await node.leftovers()).toEqual([]);
  });

  it('a scratch folder that can not be written is said, the job stays queued, and runs when that is mended', async () => {
    const work = await startWorkload(node.world);
    await node.onNode('chmod 0755 /tmp');
    const [job] = work.queue(1, 'slurm-sandbox', 'true');
    const explained = () => node.world.run('explain', String(job?.id)).catch(() => '');
    await until(
      async () => (await explained()).includes("the scratch folder /tmp can't be written by gha"),
      60_000,
      500,
    ).finally(() => node.onNode('chmod 1777 /tmp'));
    expect(job?.status).toBe('queued');
    expect(await work.finish(120_000)).toEqual([]);
    expect(conclusions([job])).toEqual(['success']);
    expect(await node.leftovers()).toEqual([]);
  });
});
