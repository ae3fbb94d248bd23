/** `node test/simulator/main.ts --port 8081 --token-file FILE`: the simulator by itself. Prints one line of JSON, ends on SIGTERM. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startSimulator } from './start-simulator.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    'token-file': { type: 'string' },
    'public-url': { type: 'string' },
    latency: { type: 'string', default: '0' },
    repository: { type: 'string', multiple: true, default: [] },
  },
});
const tokenFile = values['token-file'];
const publicUrl = values['public-url'];
const simulator = await startSimulator({
  port: Number(values.port),
  host: values.host,
  latencyMs: Number(values.latency),
  ...(tokenFile === undefined ? {} : { token: readFileSync(tokenFile, 'utf8').trim() }),
  ...(publicUrl === undefined ? {} : { publicUrl }),
});
for (const repository of values.repository) simulator.control.addRepository(repository);
console.log(JSON.stringify({ url: simulator.url, port: simulator.port }));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void simulator.stop());
