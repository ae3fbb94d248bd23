/** Images of a registry, in real Slurm jobs: by tag and by digest, one pull for a node, and a pull that dies with its job. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateAuthority } from '../support/certificates.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { conclusions, startWorkload } from '../support/workload.ts';
import { runJob } from './run-job.ts';
import { apptainer, docker, type NodeWorld, profileWith, startNodeWorld } from './start-node-world.ts';
import { type Registry, startRegistry } from './start-registry.ts';

describe.skipIf(realSlurmMissing !== null)('images of a registry', () => {
  let node: NodeWorld;
  let service: ServiceProcess;
  let registry: Registry;
  const folder = mkdtempSync(join(tmpdir(), 'gha-slurm-registry-'));

  beforeAll(async () => {
    const authority = certificateAuthority(folder, 'authority');
    registry = await startRegistry(authority.sign('*.registry.test', 'registry'));
    // The same loopback: of the node, and as a dockerd sees it.
    const [onNode, inDocker] = ['node', 'docker'].map(
      (name) => `${name}.registry.test:${registry.port}/runner`,
    );
    const digest = 'sha256:DIGEST';
    node = await startNodeWorld('registry', {
      profiles: {
        'slurm-tag': profileWith({ ...docker, image: `${inDocker}:latest` }),
        'slurm-digest': profileWith({ ...docker, image: `${inDocker}@${digest}` }),
        'slurm-converted': profileWith({ ...apptainer, image: `docker://${onNode}:latest` }),
        'slurm-mirror': profileWith({
          ...docker,
          image: 'runner:latest',
          docker: {
            ...docker.docker,
            mirrors: [`https://docker.registry.test:${registry.port}`],
            storageDriver: 'vfs',
          },
        }),
        'slurm-absent': profileWith({ ...docker, image: `${inDocker}:absent` }),
      },
    });
    writeFileSync(join(node.world.cluster.directory, 'authority.crt'), readFileSync(authority.caFile));
    await node.onNode(`
      cp /var/lib/cluster/authority.crt /usr/local/share/ca-certificates/ && update-ca-certificates
      echo '127.0.0.1 node.registry.test' >> /etc/hosts; echo '10.0.2.2 docker.registry.test' >> /etc/hosts
      mkdir /var/lib/cluster/image && tar -C /var/lib/cluster/image -xf /images/runner.tar`);
    registry.serve(`${node.world.cluster.directory}/image`);
    const { file } = node.world.config;
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(digest, registry.digest()));
    await node.service.kill('SIGTERM');
    service = node.world.start();
    await until(async () => (await node.world.readiness())?.ready === true);
  });
  afterAll(async () => {
    await service.kill('SIGTERM');
    await node.world.stop();
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const cache = '/var/tmp/gha-slurm-images-1000';
  const cached = async () => (await node.onNode(`ls -A ${cache} | grep -v lock$ || true`)).trim().split('\n');

  it.each([
    ['slurm-tag', '0'],
    ['slurm-digest', '0'],
    ['slurm-converted', '1000'],
  ])('%s: three jobs at once pull it once, and a later one does not', async (label, uid) => {
    const before = registry.layerPulls();
    const work = await startWorkload(node.world);
    const jobs = work.queue(3, label, `id -u > "/results/${label}-$RUNNER_NAME"`);
    expect(await work.finish(120_000), await node.onNode('tail -n 5 /results/slurm-*.log')).toEqual([]);
    const later = await startWorkload(node.world);
    jobs.push(...later.queue(1, label, `id -u > "/results/${label}-$RUNNER_NAME"`));
    expect(await later.finish(60_000)).toEqual([]);
    expect(conclusions(jobs)).toEqual(Array(4).fill('success'));
    expect((await node.onNode(`cat /results/${label}-*`)).trim().split('\n')).toEqual(Array(4).fill(uid));
    expect(registry.layerPulls() - before).toBe(1);
    expect(await node.leftovers()).toEqual([]);
  });

  it('an image of Docker Hub comes from the mirror; the storage driver is the one that was chosen', async () => {
    const before = registry.layerPulls();
    const printed = await runJob(node, 'slurm-mirror', "docker info --format 'driver={{.Driver}}'");
    expect(printed).toBe('driver=vfs\n');
    expect(registry.layerPulls() - before).toBe(1);
  });

  it('one that the registry does not have is said, and the job stays queued', async () => {
    const work = await startWorkload(node.world);
    const [job] = work.queue(1, 'slurm-absent', 'true');
    const blocked = async () =>
      (await node.world.state())?.pools.find(({ profile }) => profile === 'slurm-absent')?.blocked ?? '';
    await until(
      async () => /runner:absent can't be pulled: .*(not found|unknown)/i.test(await blocked()),
      60_000,
    );
    expect(job?.status).toBe('queued');
    node.world.github.control.cancelRun(job?.runId ?? 0);
    expect(await work.finish(30_000)).toEqual([]);
    expect(await node.leftovers()).toEqual([]);
  });

  it.each(['slurm-tag', 'slurm-converted'])(
    '%s: SIGKILL of the batch script in the middle of a pull: its lock is free at once, nothing of it stays, the next job pulls',
    async (label) => {
      await node.onNode(`rm -f ${cache}/*.tar ${cache}/*.sif`);
      registry.hold();
      const before = registry.layerPulls();
      const work = await startWorkload(node.world);
      const [job] = work.queue(1, label, 'true');
      await until(() => registry.held() === 1, 60_000);
      expect((await node.leftovers()).filter((line) => line.startsWith('lock '))).toHaveLength(1);
      // No other job comes to its help.
      await node.onNode('scontrol update NodeName=node State=DRAIN Reason=test');
      await node.onNode(
        "for step in $(pgrep -f '^slurmstepd:'); do pkill -KILL -P $step -f slurm_script || true; done",
      );
      await until(() => registry.held() === 0, 10_000);
      await until(
        async () => (await node.leftovers()).every((line) => !/^(lock|process|mount) /.test(line)),
        10_000,
      ).catch(() => undefined);
      expect((await node.leftovers()).filter((line) => /^(lock|process|mount) /.test(line))).toEqual([]);
      registry.release();
      await node.onNode('scontrol update NodeName=node State=RESUME');
      // GitHub has the job in its queue still: nothing had been claimed.
      expect(job?.status).toBe('queued');
      expect(await work.finish(120_000)).toEqual([]);
      expect(job?.conclusion).toBe('success');
      expect(registry.layerPulls() - before).toBe(2);
      expect(await cached()).toHaveLength(1);
      expect((await cached())[0]).toMatch(/^[0-9a-f]{32}\.\d+\.(tar|sif)$/);
      expect(await node.leftovers()).toEqual([]);
    },
  );
});
