import { mkdirSync, readFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { OperatorError } from '../../src/domain/errors.ts';
import type { TokenCommand } from '../../src/slurm/command-token.ts';
import { tokenSource } from '../../src/slurm/token.ts';
import { issuedToken, renewAtMostEveryMs } from '../../src/slurm/token-source.ts';
import { failureOf } from '../support/failure-of.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

it('a fixed token is what it is, refused or not', async () => {
  const token = tokenSource({ value: 'fixed' }, 'gha', new VirtualClock());
  expect([await token.current(), await token.renew('fixed')]).toEqual(['fixed', 'fixed']);
});

describe('a token file', () => {
  it('is read again when it is replaced, and may be what scontrol prints', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'token');
    writeFileSync(file, 'first\n');
    const clock = new VirtualClock();
    const token = tokenSource({ file }, 'gha', clock);
    expect(await token.current()).toBe('first');
    writeFileSync(join(folder, 'next'), 'SLURM_JWT=second\n');
    renameSync(join(folder, 'next'), file);
    // It is looked at once a second, whatever the number of calls.
    clock.advance(999);
    expect(await token.current()).toBe('first');
    clock.advance(1);
    expect(await token.current()).toBe('second');
  });

  it('is read again when Kubernetes swaps the folder of a mounted secret', async () => {
    const folder = temporaryFolder();
    const secret = (name: string, content: string) => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'token'), content);
      // All of one second, and of one size: only the inode tells them apart.
      utimesSync(join(folder, name, 'token'), 1_000, 1_000);
      symlinkSync(name, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    secret('..2026_01_05', 'one');
    symlinkSync('..data/token', join(folder, 'token'));
    const clock = new VirtualClock();
    const token = tokenSource({ file: join(folder, 'token') }, 'gha', clock);
    expect(await token.current()).toBe('one');
    secret('..2026_01_06', 'two');
    clock.advance(1_000);
    expect(await token.current()).toBe('two');
  });

  it('that is refused is read again, whether it looks changed or not', async () => {
    const file = join(temporaryFolder(), 'token');
    writeFileSync(file, 'one');
    const token = tokenSource({ file }, 'gha', new VirtualClock());
    expect(await token.current()).toBe('one');
    expect(await token.renew('one')).toBe('one');
    writeFileSync(file, 'two');
    expect(await token.renew('one')).toBe('two');
  });

  it('that is missing, empty or no token is said, with the setting and without what is in it', async () => {
    const file = join(temporaryFolder(), 'token');
    const token = tokenSource({ file }, 'gha', new VirtualClock());
    expect((await failureOf(OperatorError, token.current())).message).toMatch(
      /can't be read \(ENOENT\).*slurm\.token/,
    );
    for (const content of ['\n', 'two secrets\n', 'secrets\nin lines']) {
      writeFileSync(file, content);
      const { message } = await failureOf(OperatorError, token.current());
      expect(message).toMatch(/write a Slurm token into it/);
      expect(message).not.toContain('secrets');
    }
  });
});

describe('a signing key', () => {
  const key = Buffer.from('0123456789abcdef0123456789abcdef');
  function keyFile(content: Buffer = key): string {
    const file = join(temporaryFolder(), 'key');
    writeFileSync(file, content);
    return file;
  }

  it('makes tokens that Slurm can verify, and renews them before they end, whatever the wall clock does', async () => {
    const clock = new VirtualClock();
    const token = tokenSource({ signingKeyFile: keyFile(), lifetimeMs: 600_000 }, 'gha', clock);
    const first = await token.current();
    const { payload, protectedHeader } = await jwtVerify(first, key, {
      currentDate: new Date(clock.wallMs()),
    });
    expect(protectedHeader).toEqual({ alg: 'HS256', typ: 'JWT' });
    const issued = Math.floor(clock.wallMs() / 1_000);
    expect(payload).toEqual({ exp: issued + 600, iat: issued, sun: 'gha' });
    clock.advance(479_000);
    expect(await token.current()).toBe(first);
    clock.setWall(clock.wallMs() + 3_600_000);
    expect(await token.current()).toBe(first);
    clock.advance(2_000);
    expect(await token.current()).not.toBe(first);
  });

  it('that was replaced in the cluster is read again when its token is refused', async () => {
    const clock = new VirtualClock();
    const signingKeyFile = keyFile();
    const token = tokenSource({ signingKeyFile, lifetimeMs: 600_000 }, 'gha', clock);
    const first = await token.current();
    const other = Buffer.from('fedcba9876543210fedcba9876543210');
    writeFileSync(signingKeyFile, other);
    const renewed = await token.renew(first);
    await jwtVerify(renewed, other, { currentDate: new Date(clock.wallMs()) });
  });

  it('that is missing or empty is said, with the setting', async () => {
    const clock = new VirtualClock();
    const make = (signingKeyFile: string) =>
      tokenSource({ signingKeyFile, lifetimeMs: 600_000 }, 'gha', clock).current();
    expect((await failureOf(OperatorError, make('/nowhere/key'))).message).toMatch(/ENOENT.*slurm\.token/);
    expect((await failureOf(OperatorError, make(keyFile(Buffer.alloc(0))))).message).toMatch(
      /is empty: slurm\.token\.signingKeyFile/,
    );
  });
});

describe('a command', () => {
  const prints = (script: string, options: Partial<TokenCommand> = {}): TokenCommand => ({
    command: ['/bin/sh', '-c', script],
    lifetimeMs: null,
    timeLimitMs: 5_000,
    env: { PATH: '/usr/bin:/bin' },
    ...options,
  });
  const jwt = (claims: object): string =>
    ['{}', JSON.stringify(claims), 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.');

  it('prints a token as scontrol does; arguments are what they are, without a shell', async () => {
    const command = prints('', { command: ['/usr/bin/printf', 'SLURM_JWT=%s\\n', '$HOME;x'] });
    expect(await tokenSource(command, 'gha', new VirtualClock()).current()).toBe('$HOME;x');
  });

  it('has the environment that it is given, and no other', async () => {
    process.env['GHA_SLURM_TEST'] = 'seen';
    try {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: of the shell
      const command = prints('echo "${GHA_SLURM_TEST-unset}"');
      expect(await tokenSource(command, 'gha', new VirtualClock()).current()).toBe('unset');
    } finally {
      delete process.env['GHA_SLURM_TEST'];
    }
  });

  it('is run again before the end that its token states; or that the setting states', async () => {
    const clock = new VirtualClock();
    const exp = Math.floor(clock.wallMs() / 1_000) + 100;
    const file = join(temporaryFolder(), 'runs');
    const counted = (token: string) => `echo x >> ${file}; echo ${token}`;
    const runs = async (command: TokenCommand) => {
      writeFileSync(file, '');
      const source = tokenSource(command, 'gha', clock);
      const seen: number[] = [];
      for (const aheadMs of [0, 79_000, 2_000]) {
        clock.advance(aheadMs);
        await source.current();
        seen.push(readFileSync(file, 'utf8').split('\n').length - 1);
      }
      return seen;
    };
    expect(await runs(prints(counted(jwt({ exp })), {}))).toEqual([1, 1, 2]);
    expect(await runs(prints(counted('opaque'), { lifetimeMs: 100_000 }))).toEqual([1, 1, 2]);
    expect(await runs(prints(counted('opaque')))).toEqual([1, 1, 1]);
  });

  it.each([
    [
      'fails',
      'echo secret; echo "no such user" >&2; exit 3',
      /\/bin\/sh, ended with status 3: no such user\. /,
    ],
    ['does not end', 'echo secret; exec sleep 30', /has not ended after 0\.3 s/],
    [
      'leaves another behind that holds its output',
      'sleep 30 & echo secret; wait',
      /has not ended after 0\.3 s/,
    ],
    ['prints without end', 'yes secret', /prints too much/],
    ['prints nothing', 'exit 0', /prints no token/],
    ['prints more than a token', 'echo "secret and words"', /prints no token/],
  ])('%s: said with its stderr, and nothing of its stdout', async (_what, script, words) => {
    const source = tokenSource(prints(script, { timeLimitMs: 300 }), 'gha', new VirtualClock());
    const error = await failureOf(OperatorError, source.current());
    expect(error.message).toMatch(words);
    expect(error.message).toContain('slurm.token.command');
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toContain('secret');
  });

  it.each([
    ['is not there', '/nowhere/scontrol', 'ENOENT'],
    ['may not be run', join(import.meta.dirname, 'token.test.ts'), 'EACCES'],
  ])('%s', async (_what, program, code) => {
    const source = tokenSource(prints('', { command: [program] }), 'gha', new VirtualClock());
    expect((await failureOf(OperatorError, source.current())).message).toContain(code);
  });
});

describe('renewing', () => {
  const counting = (clock: VirtualClock, fails: () => boolean = () => false) => {
    let made = 0;
    const source = issuedToken(async () => {
      made += 1;
      if (fails()) throw new OperatorError('the store is sealed');
      return { token: `token-${made}`, useMs: null };
    }, clock);
    return { source, made: () => made };
  };

  it('callers at the same time share one', async () => {
    const { source, made } = counting(new VirtualClock());
    const first = await Promise.all([source.current(), source.current(), source.current()]);
    expect([...first, made()]).toEqual(['token-1', 'token-1', 'token-1', 1]);
    const renewed = await Promise.all([source.renew('token-1'), source.renew('token-1'), source.current()]);
    expect([...renewed, made()]).toEqual(['token-2', 'token-2', 'token-1', 2]);
    // One whose call was refused before the others renewed it.
    expect([await source.renew('token-1'), made()]).toEqual(['token-2', 2]);
  });

  it('one that is refused as well is not replaced at once', async () => {
    const clock = new VirtualClock();
    const { source, made } = counting(clock);
    await source.current();
    expect(await source.renew('token-1')).toBe('token-2');
    expect(await source.renew('token-2')).toBe('token-2');
    expect(made()).toBe(2);
    clock.advance(renewAtMostEveryMs);
    expect(await source.renew('token-2')).toBe('token-3');
  });

  it('one that can not be made is tried again a moment later, not by every call', async () => {
    const clock = new VirtualClock();
    let sealed = true;
    const { source, made } = counting(clock, () => sealed);
    for (let call = 0; call < 5; call += 1)
      expect((await failureOf(OperatorError, source.current())).message).toBe('the store is sealed');
    expect(made()).toBe(1);
    sealed = false;
    clock.advance(2_000);
    expect(await source.current()).toBe('token-2');
  });
});
