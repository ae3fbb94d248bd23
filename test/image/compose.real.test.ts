/**
 * docker-compose.yml as it stands, with a real Docker and a real Slurm: built, brought up, given jobs, taken down. What it
 * needs here and a user does not (a base made here, the way to the registry, a root file system of Slurm that is there
 * already) is in a second file on top.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, rootFileSystem } from '../../slurm/cluster/root-file-system.ts';
import type { StateView } from '../../src/controller/describe-state.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { type DockerEngine, startDockerEngine } from './docker-engine.ts';
import { localBase, podmanOk, root } from './podman.ts';
import { composeFile, readCompose } from './read-compose.ts';

const minutes = 60_000;
const compose = readCompose();
const service = compose.services['gha-slurm'];

describe.skipIf(realSlurmMissing !== null)('docker-compose.yml', () => {
  let engine: DockerEngine;
  let folder: string;

  const docker = (...args: string[]) => engine.docker(args, 2 * minutes);
  const dockerCompose = (...args: string[]) =>
    engine.docker(
      ['compose', '--file', `/repo/${composeFile}`, '--file', '/extra/here.json', ...args],
      4 * minutes,
    );

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'gha-slurm-compose-'));
    const base = await localBase();
    const binds = [
      { from: root, to: '/repo' },
      { from: folder, to: '/extra' },
    ];
    writeFileSync(join(folder, 'here.json'), JSON.stringify(await here(folder, base)));
    engine = await startDockerEngine({ network: 'host', binds });
    await loadBase(engine, base, folder);
    await dockerCompose('build');
    await docker('image', 'prune', '--force');
    await docker('builder', 'prune', '--force', '--keep-storage', '2GB');
    await engine.stop();
    engine = await startDockerEngine({ network: 'own', binds });
  }, 5 * minutes);
  afterAll(async () => {
    await engine.stop();
    rmSync(folder, { recursive: true, force: true });
    const mounts = readFileSync('/proc/self/mounts', 'utf8');
    // This checkout's: another one may be at work beside it.
    expect(mounts.split('\n').filter((line) => line.includes(join(root, '.cache/docker')))).toEqual([]);
    expect(readdirSync(join(root, '.cache/docker')).filter((name) => name.startsWith('run-'))).toEqual([]);
  });

  /** A request as the comments of docker-compose.yml make it, to a published port. */
  async function ask<T>(port: number, token: string, path: string, body?: object): Promise<T> {
    const program = `
      const [url, token, body] = process.argv.slice(1);
      const headers = { Authorization: 'Bearer ' + token };
      const answer = await fetch(url, body === '' ? { headers } : { headers, body, method: 'POST' });
      console.log(await answer.text());`;
    const { stdout, stderr } = await engine.inNetwork([
      ...[process.execPath, '--input-type=module', '-e', program],
      ...[`http://127.0.0.1:${port}${path}`, token, body === undefined ? '' : JSON.stringify(body)],
    ]);
    if (stdout === '') throw new Error(`no answer from port ${port}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }
  const github = <T>(path: string, body?: object) =>
    ask<T>(8081, service?.environment['GITHUB_TOKEN'] ?? '', `/_control/${path}`, body);
  const state = () => ask<StateView>(9090, service?.environment['ADMIN_TOKEN'] ?? '', '/api/state');

  async function runOne(name: string): Promise<void> {
    const jobs = [{ name, labels: ['self-hosted', 'slurm-small'], commands: 'hostname' }];
    await github('runs', { repository: 'acme/app', workflow: 'build', jobs });
    const conclusion = async () =>
      (await github<SimulatedJob[]>('jobs')).find((job) => job.name === name)?.conclusion;
    await until(async () => (await conclusion()) === 'success', minutes, 250).catch(async (error) => {
      throw new Error(
        `${error}\n${JSON.stringify(await state())}\n${await dockerCompose('logs', '--no-color')}`,
      );
    });
  }
  const containerOf = (name: string) => dockerCompose('ps', '--all', '--quiet', name);
  const inspect = async (name: string, format: string) =>
    docker('inspect', '--format', format, await containerOf(name));
  const inService = (program: string) =>
    dockerCompose('exec', '--no-TTY', 'gha-slurm', 'node', '-e', program);

  it('is what Compose takes for valid', async () => {
    expect(await dockerCompose('config', '--quiet')).toBe('');
  });

  it('comes up: migrated, healthy, and a job goes through', async () => {
    await dockerCompose('up', '--no-build', '--detach', '--wait');
    expect(await inspect('migrate', '{{.State.Status}} {{.State.ExitCode}}')).toBe('exited 0');
    for (const name of ['slurm', 'github', 'gha-slurm']) {
      expect(await inspect(name, '{{.State.Health.Status}}'), name).toBe('healthy');
    }
    await runOne('first');
  });

  it('confines the service: a number, no capability, nothing to write but its data', async () => {
    const seen = JSON.parse(
      await inService(`
        const fs = require('node:fs');
        const mode = (path) => { const { uid, mode } = fs.statSync(path); return [uid, (mode & 0o777).toString(8)]; };
        const status = fs.readFileSync('/proc/1/status', 'utf8');
        const line = (name) => new RegExp('^' + name + ':\\\\s*(.*)$', 'm').exec(status)[1];
        const tries = ['/x', '/app/x', '/run/slurm/x', '/etc/gha-slurm/x', '/data/x'].map((path) => {
          try { fs.writeFileSync(path, ''); fs.rmSync(path); return 'written'; } catch (error) { return error.code; }
        });
        console.log(JSON.stringify({
          user: line('Uid').split(/\\s+/)[0], capabilities: line('CapEff'), noNewPrivileges: line('NoNewPrivs'), tries,
          first: fs.readFileSync('/proc/1/cmdline', 'utf8').split('\\0'),
          token: mode('/run/slurm/token'), database: mode('/data/gha-slurm.sqlite'),
        }))`),
    );
    expect(seen).toEqual({
      user: '10001',
      capabilities: '0000000000000000',
      noNewPrivileges: '1',
      tries: ['EROFS', 'EROFS', 'EROFS', 'EROFS', 'written'],
      first: ['node', '--max-semi-space-size=4', 'src/cli/main.js', 'serve', ''],
      token: [10_001, '400'],
      database: [10_001, '600'],
    });
  });

  it('goes on after a stop, which takes less than five seconds', async () => {
    const begunMs = performance.now();
    await dockerCompose('stop', 'gha-slurm');
    const tookMs = performance.now() - begunMs;
    console.log(`docker compose stop gha-slurm: ${(tookMs / 1_000).toFixed(2)} s`);
    expect(await inspect('gha-slurm', '{{.State.ExitCode}}')).toBe('0');
    // Docker kills after the grace period; the code 0 says that it didn't.
    expect(tookMs).toBeLessThan(5_000);
    await dockerCompose('start', 'gha-slurm');
    await runOne('second');
  });

  it('takes the new token of a cluster that was made anew', async () => {
    await dockerCompose('restart', 'slurm');
    await runOne('third');
    const outcomes = (await state()).allocations.map(({ outcome }) => outcome ?? 'live');
    expect(outcomes.length).toBeGreaterThanOrEqual(3);
  });

  it('goes down and leaves nothing', async () => {
    await dockerCompose('stop', 'slurm');
    expect(await inspect('slurm', '{{.State.ExitCode}}')).toBe('0');
    await dockerCompose('down', '--volumes');
    expect(await docker('ps', '--all', '--quiet')).toBe('');
    expect(await docker('volume', 'ls', '--quiet')).toBe('');
    expect(await docker('network', 'ls', '--quiet', '--filter', 'type=custom')).toBe('');
  });
});

/** What the machine that the tests run on needs beside docker-compose.yml. */
async function here(folder: string, base: string): Promise<object> {
  // Both files go in as secrets; an empty one changes nothing.
  const secret = (name: string, from: string | undefined): object => {
    const file = join(folder, name);
    writeFileSync(file, from !== undefined && existsSync(from) ? readFileSync(from) : '', { mode: 0o600 });
    return { file: `/extra/${name}` };
  };
  const slurm = basename(await rootFileSystem('24.11', console.log));
  const from = join('/repo', cacheDirectory.slice(root.length), slurm);
  const build = { args: { BASE: base }, network: 'host' };
  const withSecrets = { build: { ...build, secrets: ['npmrc', 'ca'] } };
  return {
    services: {
      slurm: { build, volumes: [`${from}:/app/slurm/cluster/.cache/${slurm}:ro`] },
      github: { build },
      migrate: withSecrets,
      'gha-slurm': withSecrets,
    },
    secrets: {
      npmrc: secret('npmrc', join(homedir(), '.npmrc')),
      ca: secret('ca', process.env['NODE_EXTRA_CA_CERTS']),
    },
  };
}

/** Hands the base over, once. */
async function loadBase(engine: DockerEngine, base: string, folder: string): Promise<void> {
  const known = await engine.docker(['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}']);
  if (known.split('\n').includes(base)) return;
  const tar = join(folder, 'base.tar');
  await podmanOk(['save', '--quiet', '--output', tar, base], 2 * minutes);
  await engine.docker(['load', '--quiet', '--input', '/extra/base.tar'], 2 * minutes);
  rmSync(tar);
}
