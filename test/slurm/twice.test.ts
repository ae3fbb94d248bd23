/** What comes twice: a request, which something on the way sends again, and an answer, whose copy is nobody's. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { slurmEndpoint } from '../../src/slurm/connect.ts';
import { createSlurmClient } from '../../src/slurm/create-slurm-client.ts';
import { fixedToken } from '../support/fixed-token.ts';
import { until } from '../support/until.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { slurmrestd } from './scripted-slurmrestd.ts';
import { submitRequest } from './submit-request.ts';

describe('a request that is sent again, and whose second answer arrives', () => {
  /** Jobs by id, as long as nobody has cancelled them; every request takes effect twice. */
  async function sentTwice() {
    const jobs = new Map<number, { readonly name: string; live: boolean }>();
    const { client } = await slurmrestd(({ call, body }) => {
      const handle = (): object => {
        if (call.startsWith('POST ')) {
          const { job } = body as { readonly job: { readonly name: string } };
          jobs.set(jobs.size + 1, { name: job.name, live: true });
          return { job_id: jobs.size };
        }
        const wanted = body as { readonly jobs?: readonly string[]; readonly job_name: string };
        const status: object[] = [];
        for (const [id, job] of jobs) {
          if (job.name !== wanted.job_name || wanted.jobs?.includes(String(id)) === false) continue;
          if (job.live) status.push({ job_id: String(id), error: { code: 0 } });
          else if (wanted.jobs !== undefined)
            status.push({ job_id: String(id), error: { code: 2021, string: 'Job already finished' } });
          job.live = false;
        }
        return { status };
      };
      handle();
      return { body: { ...handle(), errors: [], warnings: [] } };
    });
    return { client, live: () => [...jobs].flatMap(([id, { live }]) => (live ? [id] : [])) };
  }

  it('submit: gives the second id, and its name has both cancelled', async () => {
    const { client, live } = await sentTwice();
    const request = submitRequest();
    expect(await client.submit(request)).toEqual({ id: 2, warnings: [] });
    expect(live()).toEqual([1, 2]);
    await client.cancelByName(request.name, null);
    expect(live()).toEqual([]);
  });

  it('cancel by id and name: the second says that it is over, which is success', async () => {
    const { client, live } = await sentTwice();
    const request = submitRequest();
    const { id } = await client.submit(request);
    await client.cancel({ id, name: request.name, user: null });
    expect(live()).toEqual([1]);
  });
});

describe('an answer that comes twice, 200 both times', () => {
  it.each(['in one piece', 'one after the other'])('%s: each submit has its own id', async (how) => {
    const copied: number[] = [];
    const server = createServer((socket: Socket) => {
      let text = '';
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        text += chunk.toString();
        const [, head = '', length = '0'] = /^(.*?content-length: (\d+).*?\r\n\r\n)/is.exec(text) ?? [];
        if (head === '' || text.length < head.length + Number(length)) return;
        text = '';
        const job_id = copied.length + 1;
        const body = JSON.stringify({ job_id, errors: [], warnings: [] });
        const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nContent-Type: application/json\r\n\r\n${body}`;
        const copy = () => void copied.push(job_id);
        if (how === 'in one piece') socket.write(answer + answer, copy);
        else socket.write(answer, () => setImmediate(() => socket.write(answer, copy)));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const client = createSlurmClient({
      endpoints: [slurmEndpoint(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)],
      user: 'gha',
      tokenFor: fixedToken('token'),
      apiVersion: 'v0.0.42',
      clock: new VirtualClock(),
      timeLimitMs: 2_000,
      log: { warn: () => undefined, error: () => undefined },
    });
    for (let job = 1; job <= 6; job += 1) {
      expect(await client.submit(submitRequest())).toEqual({ id: job, warnings: [] });
      await until(() => copied.length === job);
    }
  });
});
