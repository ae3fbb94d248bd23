import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, configPath, loadConfig } from '../../src/config/load-config.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = join(import.meta.dirname, '../..');
const example = join(root, 'config.example.yaml');
const env = { GITHUB_TOKEN: 'ghp_secret', SLURM_JWT: 'jwt-secret' };

/** The least that a configuration has to say. */
const least = {
  github: { auth: { token: 't' }, watch: [{ repository: 'acme/app' }] },
  slurm: { url: 'http://127.0.0.1:6820', user: 'gha', token: { value: 't' } },
  profiles: { 'slurm-small': { partition: 'ci', cpus: 1, memory: '2GiB', timeLimit: '30m' } },
  runner: {
    callbackUrl: 'http://gha-slurm:8080',
    launcher: { kind: 'command', command: '/opt/actions-runner/run.sh' },
  },
};

function load(document: object | string, environment: Record<string, string> = {}) {
  const file = join(temporaryFolder(), 'config.yaml');
  writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document));
  return loadConfig(file, environment);
}

function faultsOf(document: object | string): Record<string, string> {
  try {
    load(document);
  } catch (error) {
    if (error instanceof ConfigError) {
      expect(error.exitCode).toBe(78);
      return Object.fromEntries(error.faults.map(({ path, message }) => [path, message]));
    }
    throw error;
  }
  return {};
}

describe('loadConfig', () => {
  it('takes the example, whose values are the defaults', () => {
    const { config } = loadConfig(example, env);
    const bare = load(least).config;
    expect(config.notices).toEqual([]);
    expect(bare.limits).toEqual(config.limits);
    expect(bare.server).toEqual(config.server);
    expect(bare.database).toEqual(config.database);
    expect(bare.logLevel).toBe(config.logLevel);
    expect({ ...bare.github, repositories: config.github.repositories }).toEqual(config.github);
    expect(bare.slurm).toEqual(config.slurm);
    expect(bare.runner).toEqual(config.runner);
  });

  it('parses units: milliseconds, mebibytes, and whole minutes for Slurm', () => {
    const { config } = load({
      ...least,
      profiles: { s: { partition: 'ci', cpus: 2, memory: '1.5GiB', timeLimit: '90s', gres: 'gpu:1' } },
      limits: { surplusGrace: '500ms' },
    });
    expect(config.profiles.get('s')).toEqual({
      name: 's',
      partition: 'ci',
      cpus: 2,
      memoryMiB: 1_536,
      timeLimitMinutes: 2,
      gres: 'gpu:1',
    });
    expect(config.limits.surplusGraceMs).toBe(500);
  });

  it('takes all that a profile may say', () => {
    const { config } = load({
      ...least,
      profiles: {
        s: {
          partition: ['gpu', 'ci'],
          cpus: 2,
          memoryPerCpu: '2GiB',
          timeLimit: '1h',
          account: 'a',
          qos: 'q',
          reservation: 'r',
          constraint: 'c',
          excludeNodes: 'node1',
          tres: 'gres/gpu:1,license/matlab:2',
          licenses: 'l:1',
          nice: -5,
          exclusive: true,
          comment: 'x',
          tmp: '1GiB',
          extra: { wckey: 'ci', priority: { set: true, number: 5 } },
        },
      },
    });
    expect(config.profiles.get('s')).toEqual({
      name: 's',
      partition: 'gpu,ci',
      cpus: 2,
      memoryPerCpuMiB: 2_048,
      timeLimitMinutes: 60,
      account: 'a',
      qos: 'q',
      reservation: 'r',
      constraint: 'c',
      excludeNodes: ['node1'],
      tres: 'gres/gpu:1,license/matlab:2',
      licenses: 'l:1',
      nice: -5,
      exclusive: true,
      comment: 'x',
      tmpMiB: 1_024,
      extra: { wckey: 'ci', priority: { set: true, number: 5 } },
    });
  });

  it('takes what a repository has in place of the profile', () => {
    const { config } = load({
      ...least,
      github: { ...least.github, watch: [{ repository: 'acme/app', account: 'a', qos: 'q', user: 'u' }] },
      slurm: { ...least.slurm, token: { signingKeyFile: '/key' } },
    });
    expect(config.github.overrides.get('acme/app')).toEqual({ account: 'a', qos: 'q', user: 'u' });
  });

  it('puts environment variables into values after parsing, and keeps secrets out of the configuration', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a configuration
    const token = '${TOKEN}';
    const document = { ...least, github: { ...least.github, auth: { token } } };
    const { config, secrets } = load(document, { TOKEN: 'a: {b}\n"c' });
    expect(secrets.githubToken).toBe('a: {b}\n"c');
    expect(JSON.stringify(config)).not.toContain('{b}');
  });

  it('keeps history for thirty days, or for as long as it is told to', () => {
    expect(load(least).config.database.keepMs).toBe(30 * 86_400_000);
    const { config } = load({ ...least, database: { keep: '2h' } });
    expect(config.database.keepMs).toBe(7_200_000);
    expect(config.notices).toEqual([]);
  });

  it('says what it accepts and does not do yet', () => {
    const document = { ...least, github: { ...least.github, webhookSecret: 'w' } };
    expect(load(document).config.notices).toEqual([expect.stringContaining('github.webhookSecret')]);
  });

  it('names all faults at once, each with the path of its field', () => {
    const document = {
      github: {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a configuration
        auth: { token: '${NOT_SET}' },
        watch: [{ repository: 'acme' }, { repository: 'acme/app' }, { repository: 'ACME/app' }],
        pollInterval: '5 parsecs',
      },
      slurm: { url: 'ftp://x', user: 'gha', token: {}, apiVersion: 'latest' },
      profiles: { s: { partition: 'ci', cpus: 0, memory: '2', timeLimit: '30m', color: 'red' }, S: {} },
      runner: {
        ...least.runner,
        namePrefix: 'p'.repeat(40),
        launcher: { kind: 'command', command: 'run.sh' },
        hooks: { exit: { script: '/opt/site/clean up', timeLimit: '10ms' }, claimed: {} },
      },
      server: { admin: '0.0.0.0:9090', listen: 'nowhere' },
      log: { level: 'loud' },
      extra: 1,
    };
    expect(Object.keys(faultsOf(document)).sort()).toEqual([
      'extra',
      'github.auth.token',
      'github.pollInterval',
      'github.watch.0.repository',
      'github.watch.2.repository',
      'log.level',
      'profiles',
      'profiles.S.cpus',
      'profiles.S.memory',
      'profiles.S.partition',
      'profiles.S.timeLimit',
      'profiles.s.color',
      'profiles.s.cpus',
      'profiles.s.memory',
      'runner.hooks.claimed',
      'runner.hooks.exit.script',
      'runner.hooks.exit.timeLimit',
      'runner.launcher.command',
      'runner.namePrefix',
      'server.adminToken',
      'server.listen',
      'slurm.apiVersion',
      'slurm.token',
      'slurm.url',
    ]);
  });

  it.each([
    ['an empty file', '', 'github'],
    ['a list', '- a', ''],
    ['broken YAML', 'a: [1', 'line 1'],
    ['no profile', { ...least, profiles: {} }, 'profiles'],
    ['nothing to watch', { ...least, github: { ...least.github, watch: [] } }, 'github.watch'],
    [
      'a repository in two scopes',
      {
        ...least,
        github: { ...least.github, watch: [{ repository: 'acme/app' }, { repository: 'Acme/App' }] },
      },
      'github.watch.1.repository',
    ],
    [
      'labels that differ in case only',
      { ...least, profiles: { A: least.profiles['slurm-small'], a: least.profiles['slurm-small'] } },
      'profiles',
    ],
    [
      'neither memory nor memoryPerCpu',
      { ...least, profiles: { s: { partition: 'ci', cpus: 1, timeLimit: '1h' } } },
      'profiles.s.memory',
    ],
    [
      'both memory and memoryPerCpu',
      {
        ...least,
        profiles: { s: { ...least.profiles['slurm-small'], memoryPerCpu: '1GiB' } },
      },
      'profiles.s.memory',
    ],
    [
      'a further field that has a setting of its own',
      { ...least, profiles: { s: { ...least.profiles['slurm-small'], extra: { qos: 'x' } } } },
      'profiles.s.extra.qos',
    ],
    [
      'a further field that the service fills in',
      { ...least, profiles: { s: { ...least.profiles['slurm-small'], extra: { requeue: true } } } },
      'profiles.s.extra.requeue',
    ],
    [
      'a further field that makes more than one Slurm job',
      { ...least, profiles: { s: { ...least.profiles['slurm-small'], extra: { array: '0-3' } } } },
      'profiles.s.extra.array',
    ],
    [
      'a time limit of nothing',
      { ...least, profiles: { s: { ...least.profiles['slurm-small'], timeLimit: '0s' } } },
      'profiles.s.timeLimit',
    ],
    [
      "a user of a repository's own, with a token for one user",
      { ...least, github: { ...least.github, watch: [{ repository: 'acme/app', user: 'u' }] } },
      'github.watch.0.user',
    ],
    [
      'a variable with a name that no shell takes',
      { ...least, slurm: { ...least.slurm, environment: { 'A-B': 'x' } } },
      'slurm.environment.A-B',
    ],
    ['history of less than an hour', { ...least, database: { keep: '59m' } }, 'database.keep'],
    [
      'two kinds of token',
      { ...least, slurm: { ...least.slurm, token: { value: 'a', file: '/b' } } },
      'slurm.token',
    ],
    [
      'an open admin port without a token',
      { ...least, server: { admin: '0.0.0.0:9090' } },
      'server.adminToken',
    ],
    [
      'a unix socket without an absolute path',
      { ...least, slurm: { ...least.slurm, url: 'unix://slurmrestd.sock' } },
      'slurm.url',
    ],
    ['no address of slurmrestd', { ...least, slurm: { ...least.slurm, url: [] } }, 'slurm.url'],
    [
      'one faulty address among several',
      { ...least, slurm: { ...least.slurm, url: ['http://a:1', 'slurm:6820', 'http://b:2'] } },
      'slurm.url.1',
    ],
    [
      'an address twice',
      { ...least, slurm: { ...least.slurm, url: ['http://a:1', 'http://a:1'] } },
      'slurm.url.1',
    ],
    [
      'a password in the address',
      { ...least, slurm: { ...least.slurm, url: 'https://me:secret@a' } },
      'slurm.url',
    ],
    ['a CA without https', { ...least, slurm: { ...least.slurm, caFile: '/ca.pem' } }, 'slurm.caFile'],
    [
      'a client certificate without its key, beside another fault',
      { ...least, slurm: { ...least.slurm, user: '', url: 'https://a', certFile: '/c.pem' } },
      'slurm.keyFile',
    ],
    [
      'a life of a token that has its own',
      { ...least, slurm: { ...least.slurm, token: { value: 'a', lifetime: '10m' } } },
      'slurm.token.lifetime',
    ],
    [
      'a life that a call outlives',
      { ...least, slurm: { ...least.slurm, token: { signingKeyFile: '/k', lifetime: '10s' } } },
      'slurm.token.lifetime',
    ],
    [
      'a command as one string: there is no shell',
      { ...least, slurm: { ...least.slurm, token: { command: 'scontrol token' } } },
      'slurm.token.command',
    ],
    [
      'a time limit without a command',
      { ...least, slurm: { ...least.slurm, token: { value: 'a', timeLimit: '10s' } } },
      'slurm.token.timeLimit',
    ],
    [
      'an organization, which is not served yet',
      { ...least, github: { ...least.github, watch: [{ organization: 'acme' }] } },
      'github.watch.0.organization',
    ],
  ])('refuses %s', (_what, document, path) => {
    expect(Object.keys(faultsOf(document))).toContain(path);
  });

  it.each([...["'", '"', '`', '$HOME', '\\', '\n', '\t', '\u0001', ' ', '*', '?', '[a]', ',', ':']])(
    'refuses %j in every path on a node that a shell or a container is given',
    (odd) => {
      const path = `/opt/a${odd}b`;
      const launcher = { command: path, mounts: [path], docker: { preload: path } };
      const faults = faultsOf({
        ...least,
        profiles: {
          ...least.profiles,
          s: {
            ...least.profiles['slurm-small'],
            launcher: { kind: 'apptainer', image: '/i', binds: [`/x:${path}:zz`, path] },
          },
        },
        runner: {
          ...least.runner,
          scratch: path,
          imageCache: { path },
          hooks: { exit: { script: path } },
          launcher: { kind: 'command', ...launcher },
        },
      });
      const said =
        'must be an absolute path on the node, without spaces, quotes, commas, colons, backslashes, $ and';
      const fields = ['scratch', 'imageCache.path', 'hooks.exit.script'];
      const ofLauncher = ['command', 'mounts.0', 'docker.preload'].map((field) => `launcher.${field}`);
      for (const field of [...fields, ...ofLauncher]) expect(faults[`runner.${field}`]).toContain(said);
      expect(faults).toHaveProperty(['profiles.s.launcher.binds.0']);
      // A colon stands between the two paths of a bind.
      if (odd !== ':') expect(faults['profiles.s.launcher.binds.1']).toContain('no spaces, quotes');
    },
  );

  it('takes other letters in the paths of a node', () => {
    const scratch = '/local/müll(1);&|<>#!{}~=@%+';
    expect(load({ ...least, runner: { ...least.runner, scratch } }).config.runner.scratch).toBe(scratch);
  });

  it.each([
    ['http://127.0.0.1:6820/', ['http://127.0.0.1:6820']],
    ['unix:///run/slurmrestd.sock', ['unix:///run/slurmrestd.sock']],
    [
      ['https://a/slurm-proxy/', 'http://b:6820'],
      ['https://a/slurm-proxy', 'http://b:6820'],
    ],
  ])('reaches slurmrestd at %s', (url, urls) => {
    expect(load({ ...least, slurm: { ...least.slurm, url } }).config.slurm.urls).toEqual(urls);
  });

  it('hands a token command its arguments, and the environment without the token that it replaces', () => {
    const command = ['scontrol', 'token', 'lifespan=600'];
    const document = { ...least, slurm: { ...least.slurm, token: { command, lifetime: '5m' } } };
    const { slurmToken } = load(document, { ...env, PATH: '/bin', SLURM_JWT: 'old' }).secrets;
    expect(slurmToken).toMatchObject({
      command,
      lifetimeMs: 300_000,
      timeLimitMs: 10_000,
      env: { PATH: '/bin' },
    });
    expect(JSON.stringify(slurmToken)).not.toContain('old');
  });

  it('says what to do when there is no file', () => {
    expect(() => loadConfig('/nowhere/config.yaml', {})).toThrow(/GHA_SLURM_CONFIG.*config\.example\.yaml/);
  });

  it('never shows the value of a secret in a fault', () => {
    const document = { ...least, slurm: { ...least.slurm, token: { value: 'jwt-secret', file: 'x' } } };
    expect(JSON.stringify(faultsOf(document))).not.toContain('jwt-secret');
  });

  it('finds the file: option, environment, working folder', () => {
    expect(configPath('a', { GHA_SLURM_CONFIG: 'b' })).toBe('a');
    expect(configPath(undefined, { GHA_SLURM_CONFIG: 'b' })).toBe('b');
    expect(configPath(undefined, {})).toBe('./config.yaml');
  });
});

it('the program ends with 78 and every fault on stderr', async () => {
  const file = join(temporaryFolder(), 'config.yaml');
  writeFileSync(
    file,
    readFileSync(example, 'utf8').replace('cpus: 1', 'cpus: one').replace('user: gha', 'user: ""'),
  );
  const result = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    const main = join(root, 'src/cli/main.js');
    execFile(process.execPath, [main, '--config', file, 'serve'], { env }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    );
  });
  expect(result.code).toBe(78);
  expect(result.stderr).toMatch(/has 2 faults:\n.*slurm\.user: .*\n.*profiles\.slurm-small\.cpus: /s);
});
