/** The launcher `docker` around its own dockerd: one that hangs holds nobody up. The programs are stand-ins, as small as the script can take. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { grantClaim, type Job, startJob } from './start-job.ts';

const launcher = {
  kind: 'docker',
  docker: { mirrors: [], preload: null, storageDriver: null, hostLoopback: false },
} as const;

/**
 * Programs of a node. The daemon answers its ping, and what the client asks unless that is what it hangs at; the client ends when the
 * daemon does.
 */
function programs(hangsAt: string): string {
  const folder = temporaryFolder();
  const install = (name: string, text: string) =>
    writeFileSync(join(folder, name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  for (const name of [
    'newuidmap',
    'newgidmap',
    'dockerd',
    'containerd',
    'slirp4netns',
    'iptables',
    'pivot_root',
  ])
    install(name, 'exit 1');
  install('getsubids', 'echo 0: root 100000 65536');
  const daemon = `require('node:http').createServer((request, response) => {
    if (request.url === '/${hangsAt}') require('node:fs').writeFileSync('${folder}/hangs', '');
    else response.writeHead(request.url === '/image' ? 404 : 200).end();
  }).listen(process.env.HOME + '/run/docker.sock')`;
  install('rootlesskit', `echo $$ > ${folder}/daemon\nexec '${process.execPath}' -e "${daemon}"`);
  install(
    'docker',
    `[ "$1" != save ] || { echo archive; exit 0; }
    [ "$1" != pull ] || exit 0
    echo $$ >> ${folder}/clients
    exec curl --silent --fail --unix-socket "\${DOCKER_HOST#unix://}" "http://docker/$1"`,
  );
  return folder;
}

async function startHanging(hangsAt: 'load' | 'image', settings: Readonly<Record<string, string>> = {}) {
  const folder = programs(hangsAt);
  const cache = temporaryFolder();
  const job = await startJob('true', grantClaim, {
    launcher,
    env: {
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      GHA_SLURM_IMAGE: 'registry.test/runner:latest',
      GHA_SLURM_IMAGE_CACHE: cache,
      ...settings,
    },
  });
  await until(() => existsSync(join(folder, 'hangs')) || job.output().includes("can't run it"));
  expect(job.output()).not.toContain("can't run it");
  const numbers = (name: string) => readFileSync(join(folder, name), 'utf8').trim().split('\n').map(Number);
  return { job, cache, started: () => [...numbers('daemon'), ...numbers('clients')] };
}

const isFree = (lock: string): boolean => spawnSync('flock', ['-n', lock, 'true']).status === 0;
const locksOf = (job: Job, cache: string): string[] => [
  join(job.scratch, 'gha-42-abc/lock'),
  ...readdirSync(cache)
    .filter((name) => name.endsWith('.lock'))
    .map((name) => join(cache, name)),
];
const haveEnded = (pids: readonly number[]): boolean => pids.every((pid) => !existsSync(`/proc/${pid}`));

describe.each(['load', 'image'] as const)('a dockerd that hangs at `docker %s`', (hangsAt) => {
  it('TERM is answered at once, and nothing is left', async () => {
    const { job, cache, started } = await startHanging(hangsAt);
    job.signal('SIGTERM');
    expect(await job.ended).toBe(0);
    expect(readdirSync(job.scratch)).toEqual([]);
    await until(() => haveEnded(started()));
    expect(locksOf(job, cache).slice(1).every(isFree)).toBe(true);
  });

  it('SIGKILL of the script: no lock is held, its daemon and client end, and the next job deletes the rest', async () => {
    const { job, cache, started } = await startHanging(hangsAt);
    const locks = locksOf(job, cache);
    // Of the folder; of the choice of an image and of the image, where there is one already.
    expect(locks).toHaveLength(hangsAt === 'load' ? 3 : 1);
    job.signal('SIGKILL');
    await job.ended;
    await until(() => locks.every(isFree) && haveEnded(started()));
    const next = await startJob('true', grantClaim, { env: { TMPDIR: job.scratch, SLURM_JOB_ID: '43' } });
    expect(await next.ended).toBe(0);
    expect(readdirSync(job.scratch)).toEqual([]);
  });
});

describe('daemon.json', () => {
  const written = async (settings: Readonly<Record<string, string>>) => {
    const { job } = await startHanging('load', settings);
    const home = join(job.scratch, 'gha-42-abc/docker');
    const text = readFileSync(join(home, 'daemon.json'), 'utf8').replaceAll(home, 'HOME');
    job.signal('SIGTERM');
    await job.ended;
    return JSON.parse(text) as unknown;
  };
  const own = {
    'data-root': 'HOME/data',
    'exec-root': 'HOME/x',
    pidfile: 'HOME/pid',
    hosts: ['unix://HOME/run/docker.sock'],
  };

  it('has the mirrors and the storage driver of the configuration', async () => {
    const mirrors = ['https://one.registry.test', 'http://two.registry.test:5000/'];
    expect(
      await written({
        GHA_SLURM_DOCKER_MIRRORS: mirrors.join('\n'),
        GHA_SLURM_DOCKER_STORAGE_DRIVER: 'fuse-overlayfs',
      }),
    ).toEqual({ ...own, 'registry-mirrors': mirrors, 'storage-driver': 'fuse-overlayfs' });
  });

  it('leaves to dockerd what the configuration does not say', async () => {
    expect(await written({})).toEqual(own);
  });
});
