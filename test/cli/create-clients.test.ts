/** That what is configured reaches the client of Slurm: certificates, the version, whose token. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { createClients } from '../../src/cli/create-clients.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { certificateAuthority } from '../support/certificates.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('the client certificate, a fixed version, and tokens made for each user', async () => {
  const folder = temporaryFolder();
  const { caFile, sign } = certificateAuthority(folder, 'site-ca');
  const [server, client] = [sign('localhost'), sign('client')];
  const asked: { url: string; by: string; user: string }[] = [];
  const slurmrestd = createServer(
    {
      cert: readFileSync(server.certFile),
      key: readFileSync(server.keyFile),
      ca: readFileSync(caFile),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (request, response) => {
      const [, claims = ''] = String(request.headers['x-slurm-user-token']).split('.');
      const { sun } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sun: string };
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      asked.push({ url: request.url ?? '', by: String(subject.CN), user: sun });
      response.setHeader('Content-Type', 'application/json').end('{"jobs":[{"job_id":7}],"errors":[]}');
    },
  );
  await new Promise<void>((resolve) => slurmrestd.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    slurmrestd.closeAllConnections();
    slurmrestd.close();
  });
  const signingKeyFile = join(folder, 'jwt_hs256.key');
  writeFileSync(signingKeyFile, 'k'.repeat(32), { mode: 0o600 });
  const file = join(folder, 'config.yaml');
  writeFileSync(
    file,
    JSON.stringify({
      github: { auth: { token: 't' }, watch: [{ repository: 'acme/app' }] },
      slurm: {
        url: `https://127.0.0.1:${(slurmrestd.address() as AddressInfo).port}`,
        user: 'gha',
        token: { signingKeyFile },
        apiVersion: 'v0.0.41',
        caFile,
        certFile: client.certFile,
        keyFile: client.keyFile,
      },
      profiles: { 'slurm-small': { partition: 'ci', cpus: 1, memory: '2GiB', timeLimit: '30m' } },
      runner: {
        callbackUrl: 'http://gha-slurm:8080',
        launcher: { kind: 'command', command: '/opt/actions-runner/run.sh' },
      },
    }),
  );
  const { config, secrets } = loadConfig(file, {});
  const { slurm } = createClients(config, secrets, pino({ enabled: false }));
  await slurm.job(7, null);
  await slurm.job(7, 'somebody');
  expect(asked).toEqual([
    { url: '/slurm/v0.0.41/job/7', by: 'client', user: 'gha' },
    { url: '/slurm/v0.0.41/job/7', by: 'client', user: 'somebody' },
  ]);
});
