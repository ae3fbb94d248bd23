/** Every way to reach slurmrestd, and every kind of token, on real Slurm of every release. */
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Cluster } from '../../slurm/cluster/cluster.ts';
import { releases } from '../../slurm/cluster/root-file-system.ts';
import { startCluster } from '../../slurm/cluster/start-cluster.ts';
import { SlurmError } from '../../src/domain/errors.ts';
import { systemClock } from '../../src/domain/time.ts';
import { slurmEndpoint } from '../../src/slurm/connect.ts';
import type { SlurmClient } from '../../src/slurm/create-slurm-client.ts';
import { type TokenConfig, tokenSource, tokenSources } from '../../src/slurm/token.ts';
import { certificateAuthority } from '../support/certificates.ts';
import { failureOf } from '../support/failure-of.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { clientOf, complaints } from './real-slurm.ts';
import { startProxy } from './start-proxy.ts';
import { submitRequest } from './submit-request.ts';

afterEach(() => expect(complaints, 'nothing that was sent is ignored').toEqual([]));

/** One of everything. */
async function isServed(api: SlurmClient): Promise<void> {
  const request = submitRequest();
  const { id } = await api.submit(request);
  expect([...(await api.states([id])).keys()]).toEqual([id]);
  expect(await api.job(id)).toMatchObject({ name: request.name });
  await api.cancel({ id, name: request.name, user: null });
  await until(async () => (await api.states([id])).get(id)?.includes('CANCELLED') === true);
}

describe.skipIf(realSlurmMissing !== null).each(releases)('Slurm %s', (release) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ name: `ways-${process.pid}`, release, tieToParent: true });
  });
  afterAll(() => cluster.stop());

  it('is reached by a unix socket', async () => {
    // A path of a socket may have 107 bytes.
    const link = join(temporaryFolder(), 'slurmrestd.sock');
    symlinkSync(cluster.socketPath, link);
    await isServed(clientOf(cluster, { endpoints: [slurmEndpoint(`unix://${link}`)] }));
  });

  it('is reached by https with an own CA and a client certificate, below a path; the proxy says so when it is alone', async () => {
    const folder = temporaryFolder();
    const { caFile, sign } = certificateAuthority(folder, 'site-ca');
    const [server, client] = [sign('localhost'), sign('gha-slurm')];
    const proxy = await startProxy(cluster.url, '/slurm-a', {
      cert: readFileSync(server.certFile),
      key: readFileSync(server.keyFile),
      ca: readFileSync(caFile),
      requestCert: true,
      rejectUnauthorized: true,
    });
    onTestFinished(() => proxy.stop());
    const api = clientOf(cluster, { endpoints: [slurmEndpoint(proxy.url, { caFile, ...client })] });
    await isServed(api);
    expect(await failureOf(SlurmError, api.submit(submitRequest({}, 'none')))).toMatchObject({
      kind: 'refused',
      errorNumber: 2000,
    });

    await cluster.stopDaemon('slurmrestd');
    onTestFinished(() => cluster.startDaemon('slurmrestd'));
    await until(async () => (await fetch(cluster.url).catch(() => null)) === null);
    const error = await failureOf(SlurmError, api.states([1]));
    expect(error.kind).toBe('unavailable');
    expect(error.message).toMatch(/^A proxy in front of slurmrestd .*502 Bad Gateway/);
    cluster.startDaemon('slurmrestd');
    await until(async () => (await api.states([1]).catch(() => null)) !== null);
  });

  it('two slurmrestds: while one is down the other serves', async () => {
    const link = join(temporaryFolder(), 'slurmrestd.sock');
    const endpoints = [slurmEndpoint(`unix://${link}`), slurmEndpoint(cluster.url)];
    const api = clientOf(cluster, { endpoints });
    await isServed(api);
    symlinkSync(cluster.socketPath, link);
    await isServed(api);
  });

  const withToken = (config: TokenConfig, clock = systemClock): SlurmClient =>
    clientOf(cluster, { tokenFor: tokenSources(config, cluster.user, clock) });
  const scontrol = (lifespan: number) =>
    cluster.commandInside(['scontrol', 'token', `username=${cluster.user}`, `lifespan=${lifespan}`]);

  it('takes a fixed token', () => isServed(withToken({ value: cluster.mintToken() })));

  it("takes a token from a mounted secret, and its successor when the first one's time is over", async () => {
    const folder = temporaryFolder();
    const secret = (name: string, token: string) => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'token'), `SLURM_JWT=${token}\n`);
      symlinkSync(name, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    secret('..1', cluster.mintToken({ lifeSeconds: -10 }));
    symlinkSync('..data/token', join(folder, 'token'));
    const api = withToken({ file: join(folder, 'token') });
    expect(await failureOf(SlurmError, api.submit(submitRequest()))).toMatchObject({
      kind: 'auth',
      notCreated: true,
    });
    secret('..2', cluster.mintToken());
    await isServed(api);
  });

  it("takes tokens made from the cluster's key, the one after the first too", async () => {
    const time = new VirtualClock();
    const clock = { wallMs: () => Date.now(), monotonicMs: () => time.monotonicMs() };
    const made = tokenSource({ signingKeyFile: cluster.keyFile, lifetimeMs: 60_000 }, cluster.user, clock);
    const first = await made.current();
    await isServed(clientOf(cluster, { tokenFor: () => made }));
    // The next second, since a token is the same within one.
    await until(() => Math.floor(Date.now() / 1_000) > issuedAt(first));
    time.advance(48_000);
    await isServed(clientOf(cluster, { tokenFor: () => made }));
    expect(await made.current()).not.toBe(first);
  });

  it("takes tokens of another user's, whose jobs are cancelled by nobody else", async () => {
    const api = withToken({ signingKeyFile: cluster.keyFile, lifetimeMs: 60_000 });
    const request = submitRequest({ user: 'slurmrest' });
    const { id } = await api.submit(request);
    expect(await api.job(id)).toMatchObject({ id, user: 'slurmrest' });
    const isCancelled = async () => (await api.states([id])).get(id)?.includes('CANCELLED') === true;
    await api.cancelByName(request.name, null);
    await api.cancel({ id, name: request.name, user: null });
    expect(await isCancelled()).toBe(false);
    await api.cancel({ id, name: request.name, user: 'slurmrest' });
    await until(isCancelled);
  });

  it('by a clock that is an hour late, made tokens are refused: said, and tried again later', async () => {
    const clock = { wallMs: () => Date.now() - 3_600_000, monotonicMs: () => performance.now() };
    const api = withToken({ signingKeyFile: cluster.keyFile, lifetimeMs: 60_000 }, clock);
    expect((await failureOf(SlurmError, api.states([1]))).message).toContain('slurm.token');
  });

  it('takes what scontrol token prints, and runs it again when Slurm refuses it', async () => {
    const folder = temporaryFolder();
    // Its first one ends before it is used.
    const script = `echo run >> runs; if [ $(wc -l < runs) = 1 ]; then echo ${cluster.mintToken({ lifeSeconds: -10 })}; else exec "$@"; fi`;
    const api = withToken({
      command: ['sh', '-c', `cd ${folder}; ${script}`, 'sh', ...scontrol(60)],
      lifetimeMs: null,
      timeLimitMs: 10_000,
      env: { PATH: process.env['PATH'] },
    });
    await Promise.all([isServed(api), isServed(api), isServed(api)]);
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('run\nrun\n');
  });
});

function issuedAt(token: string): number {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  return (JSON.parse(claims) as { iat: number }).iat;
}

describe.skipIf(realSlurmMissing !== null).concurrent('a slurmctld that limits the rate of calls', () => {
  it.each(releases)(
    '%s: is served within its limit, and listings do not wait behind submits',
    async (release) => {
      const cluster = await startCluster({
        name: `limit-${release.replace('.', '')}-${process.pid}`,
        release,
        tieToParent: true,
        slurmConf: ['SlurmctldParameters=rl_enable'],
      });
      try {
        const api = clientOf(cluster);
        const listingsMs: number[] = [];
        let submitting = true;
        const listing = (async () => {
          while (submitting) {
            const begunMs = performance.now();
            await api.states([1]);
            listingsMs.push(performance.now() - begunMs);
            await new Promise((resolve) => setTimeout(resolve, 1_000));
          }
        })();
        const submits = Array.from({ length: 40 }, () => api.submit(submitRequest()));
        const ids = (await Promise.all(submits)).map(({ id }) => id);
        submitting = false;
        await listing;
        expect(new Set(ids).size).toBe(40);
        // Most of them: the first ones find eight submits under way that slurmrestd lets sleep.
        const quick = listingsMs.filter((ms) => ms < 2_500).length;
        expect(quick / listingsMs.length).toBeGreaterThan(0.7);
        const log = await cluster.exec(['cat', '/var/lib/cluster/log/slurmctld.log']);
        const refused = log.stdout.split('telling to back off').length - 1;
        expect(refused, 'the limit was met').toBeGreaterThan(0);
        expect(refused, 'and was not run against').toBeLessThan(ids.length + listingsMs.length);
      } finally {
        await cluster.stop();
      }
    },
  );
});
