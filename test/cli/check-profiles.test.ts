import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkProfiles } from '../../src/cli/check-profiles.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { refusal, slurmrestd } from '../slurm/scripted-slurmrestd.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { writeConfig } from '../support/write-config.ts';

const partition = { name: 'ci', partition: { state: ['UP'] }, nodes: { configured: 'n1' } };
const node = { name: 'n1', partitions: ['ci'], cpus: 4, real_memory: 8_192, state: ['IDLE'] };
const account = { account: 'x', is_default: true, qos: ['normal'] };
const listings = {
  partitions: [partition],
  nodes: [node],
  reservations: [],
  licenses: [],
  jobs: [],
  associations: [account],
};

async function configure(repositories: Parameters<typeof writeConfig>[1]['repositories']) {
  const folder = temporaryFolder();
  const key = join(folder, 'key');
  writeFileSync(key, 'k'.repeat(32));
  const { file } = await writeConfig(folder, {
    apiUrl: 'http://127.0.0.1:9',
    repositories,
    slurmUrl: 'http://127.0.0.1:9',
    slurmUser: 'gha',
    slurmTokenFile: '',
    slurmSigningKeyFile: key,
    profiles: { s: { partition: 'ci', cpus: 1, memory: '1GiB', timeLimit: '1h' } },
  });
  return loadConfig(file, { GITHUB_TOKEN: 't' }).config;
}

const tokenFor = (user: string | null) => {
  const token = user ?? 'gha';
  return { current: async () => token, renew: async () => token };
};

it('asks Slurm as each user whose jobs there are, and says so where it does not take the calls of one', async () => {
  const config = await configure([
    'a/plain',
    { repository: 'a/b', user: 'bob' },
    { repository: 'a/c', user: 'eve' },
  ]);
  const { client, asked } = await slurmrestd(
    ({ token }) => (token === 'eve' ? refusal(1007, 511) : { body: { ...listings, errors: [] } }),
    { tokenFor },
  );
  const lines: string[] = [];
  expect(await checkProfiles(client, config, (line) => lines.push(line))).toBe(1);
  expect([...new Set(asked.map(({ token }) => token))]).toEqual(['gha', 'bob', 'eve']);
  expect(lines).toEqual([
    'Slurm answers (API v0.0.42): 1 partitions, 1 nodes',
    'profile s: ok',
    'profile s for a/b: ok',
    'profile s for a/c: can never start',
    expect.stringContaining("Slurm can't be asked as the user eve: Slurm refuses the token"),
  ]);
});

it('judges a profile as it stands only where a repository has nothing of its own', async () => {
  const config = await configure([
    { repository: 'a/b', account: 'x' },
    { repository: 'a/c', account: 'x' },
  ]);
  const { client } = await slurmrestd(() => ({ body: { ...listings, errors: [] } }), { tokenFor });
  const lines: string[] = [];
  await checkProfiles(client, config, (line) => lines.push(line));
  expect(lines.slice(1)).toEqual(['profile s for a/b, a/c: ok']);
});

it('goes on without accounting: it matters to a profile that names an account', async () => {
  const config = await configure(['a/plain', { repository: 'a/b', account: 'x' }]);
  const { client } = await slurmrestd(
    ({ call }) => (call.includes('/slurmdb/') ? refusal(7000) : { body: { ...listings, errors: [] } }),
    { tokenFor },
  );
  const lines: string[] = [];
  expect(await checkProfiles(client, config, (line) => lines.push(line))).toBe(0);
  expect(lines.slice(1, 3)).toEqual(['profile s: ok', 'profile s for a/b: ok, as far as is known']);
});

it('says what accounting answers in place of accounts, and goes on', async () => {
  const config = await configure(['a/plain']);
  const { client } = await slurmrestd(
    ({ call }) => (call.includes('/slurmdb/') ? refusal(2002) : { body: { ...listings, errors: [] } }),
    { tokenFor },
  );
  const lines: string[] = [];
  expect(await checkProfiles(client, config, (line) => lines.push(line))).toBe(0);
  expect(lines.slice(1)).toEqual([expect.stringContaining('not known: accounts of gha. '), 'profile s: ok']);
});
