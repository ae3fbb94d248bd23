/** The image, built from the Dockerfile on a base made here, and run as an orchestrator would: read-only, as a number. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../slurm/cluster/cluster.ts';
import { startCluster } from '../../slurm/cluster/start-cluster.ts';
import { type Simulator, startSimulator } from '../simulator/start-simulator.ts';
import { runnerBind } from '../support/runner-folder.ts';
import { repository, small } from '../support/start-world.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { type WrittenConfig, writeConfig } from '../support/write-config.ts';
import { build, podman, podmanOk } from './podman.ts';

const image = `localhost/gha-slurm:test-${process.pid}`;
const user = 10_001;
/** What docker-compose.yml says of the service, in podman's words. */
const confined = [
  '--read-only',
  '--cap-drop',
  'ALL',
  '--security-opt',
  'no-new-privileges',
  '--network',
  'host',
  // podman's own are more than a machine may give.
  '--ulimit',
  'nofile=1024:1024',
  '--ulimit',
  'nproc=4096:4096',
];

describe.skipIf(realSlurmMissing !== null)('the image', () => {
  beforeAll(() => build({ tag: image }));
  afterAll(async () => {
    await podman(['image', 'rm', '--force', image]);
    const mounts = readFileSync('/proc/self/mounts', 'utf8');
    expect(
      mounts.split('\n').filter((line) => /\.cache\/podman\/store\/overlay\/.*merged/.test(line)),
    ).toEqual([]);
  });

  const inside = (program: string) =>
    podmanOk(['run', '--rm', ...confined, '--entrypoint', 'node', image, '-e', program]);

  it('runs as a number that is not root, on a root file system that it can not write', async () => {
    const seen = JSON.parse(
      await inside(`
        const fs = require('node:fs');
        const tries = ['/x', '/app/x', '/app/src/x', '/tmp/x', '/etc/x'].map((path) => {
          try { fs.writeFileSync(path, ''); return path; } catch (error) { return error.code; }
        });
        console.log(JSON.stringify({ uid: process.getuid(), gid: process.getgid(), version: process.version, tries }))`),
    ) as { uid: number; gid: number; version: string; tries: string[] };
    expect([seen.uid, seen.gid]).toEqual([user, user]);
    expect(seen.version).toBe(process.version);
    // podman puts a file system of its own on /tmp.
    expect(seen.tries.filter((result) => result !== '/tmp/x')).toEqual(
      Array(4).fill(expect.stringMatching(/EROFS|EACCES/)),
    );
  });

  it('has what the service needs, and no more', async () => {
    const files = (await inside(`console.log(require('node:fs').readdirSync('/app').join('\\n'))`)).split(
      '\n',
    );
    expect(files.sort()).toEqual(
      [
        '.compile-cache',
        'LICENSE',
        'migrations',
        'node_modules',
        'openapi',
        'package.json',
        'slurm',
        'src',
      ].sort(),
    );
    const modules = await inside(
      `console.log(require('node:fs').readdirSync('/app/node_modules').join('\\n'))`,
    );
    expect(modules).toContain('better-sqlite3');
    for (const name of ['vitest', 'typescript', 'drizzle-kit', 'fast-check', '@biomejs']) {
      expect(modules.split('\n')).not.toContain(name);
    }
    const history = await podmanOk(['image', 'inspect', image]);
    const npmrc = await podmanOk([
      'run',
      '--rm',
      ...confined,
      '--user',
      '0',
      '--entrypoint',
      'sh',
      image,
      '-c',
      'ls -a /root /run/secrets 2>/dev/null || true',
    ]);
    expect(npmrc).not.toContain('.npmrc');
    expect(history).not.toMatch(/_authToken|ghp_|SLURM_JWT=/);
  });

  it('says every fault of a configuration, and ends with 78', async () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'config.yaml'), 'github: {}\n');
    const result = await podman([
      'run',
      '--rm',
      ...confined,
      '--volume',
      `${folder}:/etc/gha-slurm:ro`,
      image,
    ]);
    expect(result.code).toBe(78);
    expect(result.stderr).toMatch(/github\.auth/);
  });

  describe('beside a real Slurm', () => {
    let cluster: Cluster;
    let github: Simulator;
    let config: WrittenConfig;
    let folder: string;
    const name = `gha-slurm-${process.pid}`;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'gha-slurm-image-'));
      github = await startSimulator();
      github.control.addRepository(repository);
      cluster = await startCluster({ name: `image-${process.pid}`, binds: [runnerBind], tieToParent: true });
      for (const part of ['data', 'etc']) mkdirSync(join(folder, part));
      chownSync(join(folder, 'data'), user, user);
      const token = join(folder, 'etc/slurm-token');
      writeFileSync(token, readFileSync(cluster.tokenFile), { mode: 0o400 });
      chownSync(token, user, user);
      config = await writeConfig(join(folder, 'etc'), {
        apiUrl: github.url,
        repositories: [repository],
        slurmUrl: cluster.url,
        slurmUser: cluster.user,
        slurmTokenFile: '/etc/gha-slurm/slurm-token',
        profiles: { 'slurm-small': small },
        databaseFile: '/data/gha-slurm.sqlite',
      });
    });
    afterAll(async () => {
      await podman(['rm', '--force', '--time', '0', name]);
      await cluster.stop();
      await github.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    const options = () => [
      ...confined,
      ...[
        '--volume',
        `${join(folder, 'data')}:/data`,
        '--volume',
        `${join(folder, 'etc')}:/etc/gha-slurm:ro`,
      ],
      ...['--env', 'GITHUB_TOKEN'],
    ];
    const serve = async () => {
      process.env['GITHUB_TOKEN'] = github.token;
      await podmanOk(['run', '--detach', '--name', name, ...options(), image]);
      const ready = () =>
        fetch(`${config.adminUrl}/readyz`).then(
          (response) => response.ok,
          () => false,
        );
      await until(ready);
    };
    const runOne = async (job: string) => {
      github.control.createRun(repository, job, [{ name: job, labels: ['slurm-small'], commands: 'true' }]);
      const made = github.control.jobs().find((candidate) => candidate.name === job);
      await until(() => made?.conclusion === 'success', 60_000);
    };

    it('serve refuses before migrate, with what to do', async () => {
      process.env['GITHUB_TOKEN'] = github.token;
      const result = await podman(['run', '--rm', ...options(), image]);
      expect(result.code).toBe(1);
      expect(result.stderr).toContain('npm run migrate');
    });

    it('migrates, serves a job, ends within 5 s of SIGTERM, and goes on with the same volume', async () => {
      expect(await podmanOk(['run', '--rm', ...options(), image, 'migrate'])).toContain('is up to date');
      const database = join(folder, 'data/gha-slurm.sqlite');
      expect(statSync(database).mode & 0o777).toBe(0o600);
      expect(statSync(database).uid).toBe(user);
      await serve();
      await runOne('first');
      const begunMs = performance.now();
      // SIGKILL, and exit code 137, come after five seconds.
      await podmanOk(['stop', '--time', '5', name]);
      console.log(
        `SIGTERM to exit: ${((performance.now() - begunMs) / 1_000).toFixed(2)} s, podman's own time included`,
      );
      expect(await podmanOk(['inspect', '--format', '{{.State.ExitCode}}', name])).toBe('0');
      await podmanOk(['rm', name]);
      await serve();
      await runOne('second');
      const completed = async () => {
        const state = (await (await fetch(`${config.adminUrl}/api/state`)).json()) as {
          allocations: { outcome?: string }[];
        };
        return state.allocations.filter(({ outcome }) => outcome === 'completed').length;
      };
      // GitHub knows that a job is done before Slurm knows that its allocation is.
      await until(async () => (await completed()) === 2, 60_000);
      expect(
        (await cluster.exec(['squeue', '--noheader', '--states=all', '--format=%i'])).stdout
          .trim()
          .split('\n').length,
      ).toBe(2);
      expect(readdirSync(join(folder, 'data')).every((file) => file.startsWith('gha-slurm.sqlite'))).toBe(
        true,
      );
      const logs = await podmanOk(['logs', name]);
      expect(logs).toContain('"serving"');
      expect(logs).not.toContain(github.token);
    });
  });
});
