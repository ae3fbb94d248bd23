/**
 * What a step can read, all of it, with either handoff: while another job of the same Slurm user on the same node waits for its runner, with a
 * claim token, and where that is how it is handed over a key, that are good.
 */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runnerBind } from '../support/runner-folder.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { conclusions, startWorkload } from '../support/workload.ts';
import { apptainer, docker, type NodeWorld, profileWith, startNodeWorld } from './start-node-world.ts';

const mailboxSecret = 'a secret of this test, with 32 characters';
const handoffs = {
  callback: {},
  mailbox: { handoff: 'mailbox', callbackUrl: undefined, mailboxSecret },
} as const;
const mint = '/repos/{owner}/{repo}/actions/runners/generate-jitconfig';

/** Yama: the kernel lets no process look into its sibling, whoever it is. */
const isKeptApart = (): boolean => {
  const scope = '/proc/sys/kernel/yama/ptrace_scope';
  return existsSync(scope) && readFileSync(scope, 'utf8').trim() !== '0';
};

describe.skipIf(realSlurmMissing !== null).each(['callback', 'mailbox'] as const)('handoff %s', (handoff) => {
  let node: NodeWorld;
  beforeAll(async () => {
    node = await startNodeWorld(`secrets-${handoff}`, {
      profiles: {
        'slurm-command': profileWith({ kind: 'command', command: `${runnerBind.to}/run.sh` }),
        'slurm-sandbox': profileWith(apptainer),
        'slurm-sif': profileWith({ ...apptainer, image: '/images/runner.sif' }),
        'slurm-docker': profileWith(docker),
      },
      runner: handoffs[handoff],
    });
  });
  afterAll(async () => {
    await node.service.kill('SIGTERM');
    await node.world.stop();
  });

  /** What Slurm was given for its jobs, the newest last: their numbers and secrets. */
  async function given(): Promise<
    readonly { readonly slurmJobId: number; readonly secrets: readonly string[] }[]
  > {
    const told = await node.onNode(`cd /var/lib/cluster/state; for job in hash.*/job.*/environment; do
      echo "job $job"; tr '\\0' '\\n' < "$job" | sed -n 's/^.*GHA_SLURM_\\(CLAIM_TOKEN\\|MAILBOX_KEY\\)=/secret /p'; done`);
    return told
      .split(/^job /m)
      .slice(1)
      .map((text) => ({
        slurmJobId: Number(/job\.(\d+)/.exec(text)?.[1]),
        secrets: [...text.matchAll(/^secret (.{20,})$/gm)].map(([, secret = '']) => secret),
      }))
      .toSorted((a, b) => a.slurmJobId - b.slurmJobId);
  }

  it.each(['slurm-command', 'slurm-sandbox', 'slurm-sif', 'slurm-docker'])(
    '%s: a step finds neither a live claim token nor a key in all that it can read',
    async (label) => {
      const work = await startWorkload(node.world);
      const file = `dump-${label}`;
      const jobs = work.queue(
        1,
        label,
        `set +e
        # Heaps, stacks and what else has no file, where a shell keeps its variables; without a debugger.
        memory() {
          for process in /proc/[0-9]*; do
            while read -r range mode _ _ _ name; do
              case "$mode $name" in 'rw-p [heap]' | 'rw-p [stack]' | 'rw-p ') ;; *) continue ;; esac
              from=$((0x\${range%-*} / 4096)) to=$((0x\${range#*-} / 4096))
              [ $((to - from)) -gt 1024 ] || dd if=$process/mem bs=4096 skip=$from count=$((to - from)) status=none
            done < $process/maps
          done
        } 2> /dev/null
        descriptors() {
          for open in /proc/[0-9]*/fd/*; do
            case $(readlink $open) in /results/dump* | /proc/*) continue ;; esac
            [ ! -f $open ] || head -c 2000000 $open
          done
        }
        dump() {
          env
          cat /proc/*/environ /proc/*/cmdline /proc/*/task/*/environ
          descriptors
          scontrol show job; squeue --Format ALL; squeue --format %all
          for place in "$HOME/../.." /tmp /var/tmp /dev/shm /var/lib/cluster /etc /run /var/spool /results; do
            find "$place" -type f ! -path "/results/dump*" -size -2000k -exec cat {} +
          done
        } 2> /dev/null
        : > /results/${file}.ready
        while [ ! -e /results/${file}.look ]; do sleep 0.1; done
        MARK=a-mark-of-this-job dump | tr '\\0' '\\n' > /results/${file}
        held=in-memory-alone-$((6 * 7))
        memory | tr '\\0' '\\n' > /results/${file}.memory
        : > /results/${file}.done
        while [ ! -e /results/${file}.go ]; do sleep 0.1; done`,
      );
      const isThere = async (name: string) => (await node.onNode('ls /results')).split('\n').includes(name);
      await until(() => isThere(`${file}.ready`), 60_000);

      // Its claim is granted, and its runner is not there until this fault is over.
      node.world.github.control.fault({ kind: 'status', status: 502, path: mint, times: 1_000 });
      const before = new Set((await given()).map(({ slurmJobId }) => slurmJobId));
      const neighbours = work.queue(1, label, 'true');
      const claims = async () =>
        ((await node.world.state())?.allocations ?? []).filter(
          ({ state, slurmJobId }) => state === 'claimed' && !before.has(slurmJobId ?? 0),
        );
      await until(async () => (await claims()).length > 0, 60_000);
      const neighbour = (await given()).find(({ slurmJobId }) => !before.has(slurmJobId));
      expect(neighbour?.slurmJobId).toBe((await claims())[0]?.slurmJobId);
      expect(neighbour?.secrets).toHaveLength(handoff === 'mailbox' ? 2 : 1);

      await node.onNode(`touch /results/${file}.look`);
      await until(() => isThere(`${file}.done`), 60_000);
      // It was good all the time.
      expect((await claims()).map(({ slurmJobId }) => slurmJobId)).toEqual([neighbour?.slurmJobId]);
      const secrets = [
        ...(await given()).flatMap((job) => job.secrets),
        ...(await node.onNode('cat /var/lib/cluster/token')).split('\n').filter((line) => line.length > 20),
        node.world.github.token,
        mailboxSecret,
      ];
      const dump = await node.onNode(`cat /results/${file}`);
      const memory = await node.onNode(`cat /results/${file}.memory`);
      node.world.github.control.clearFaults();
      await node.onNode(`touch /results/${file}.go`);
      expect(await work.finish(90_000)).toEqual([]);
      expect(conclusions([...jobs, ...neighbours])).toEqual(['success', 'success']);

      // It has looked.
      expect(dump).toContain('a-mark-of-this-job');
      expect(dump).toContain('ACTIONS_RUNNER_HOOK_JOB_STARTED');
      if (label === 'slurm-command') expect(dump).toMatch(/^JobId=\d+ /m);
      if (!isKeptApart()) expect(memory).toContain('in-memory-alone-42');
      // Files of the work folder, too.
      expect(dump).toContain('# The simulated runner.');
      const neighbourFolder = `gha-${neighbour?.slurmJobId}-`;
      // One Slurm user is one trust domain there. Its secrets are in no file, environment, command line or descriptor all the same.
      if (label === 'slurm-command') expect(dump).toContain('launcher_prepare() {');
      // In a container nothing shows of it, not even that it is there.
      else expect(dump).not.toContain(neighbourFolder);
      for (const secret of secrets) expect(dump.includes(secret), 'a secret is in the dump').toBe(false);
      // With `command` it is, and docs/node-setup.md says so.
      if (label !== 'slurm-command')
        for (const secret of secrets) expect(memory.includes(secret), 'a secret is in memory').toBe(false);
      for (const name of ['jwt_hs256.key', 'slurm.key']) {
        const key = readFileSync(`${node.world.cluster.directory}/conf/${name}`)
          .toString('latin1')
          .slice(0, 16);
        expect(Buffer.from(dump).toString('latin1').includes(key)).toBe(false);
      }
      expect(dump).not.toMatch(/Authorization: Bearer (?!%s)/);
    },
  );
});
