import { createHmac } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tokenSource } from '../../src/slurm/token.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

describe('a token file', () => {
  it('is read again when it changes, as a mounted secret does, and may be what scontrol prints', () => {
    const folder = temporaryFolder();
    const file = join(folder, 'token');
    writeFileSync(file, 'first\n');
    const token = tokenSource({ file }, 'gha', new VirtualClock());
    expect(token()).toBe('first');
    // A secret is replaced by a rename.
    writeFileSync(join(folder, 'next'), 'SLURM_JWT=second\n');
    renameSync(join(folder, 'next'), file);
    expect(token()).toBe('second');
  });

  it('that is empty or missing is said, with the setting', () => {
    const file = join(temporaryFolder(), 'token');
    const token = tokenSource({ file }, 'gha', new VirtualClock());
    expect(token).toThrow(/can't be read \(ENOENT\).*slurm\.token/);
    writeFileSync(file, '\n');
    expect(token).toThrow(/is empty: write a Slurm token/);
  });
});

describe('a signing key', () => {
  it('makes tokens that Slurm can verify, and renews them before they end, whatever the wall clock does', () => {
    const signingKeyFile = join(temporaryFolder(), 'key');
    const key = Buffer.from('0123456789abcdef0123456789abcdef');
    writeFileSync(signingKeyFile, key);
    const clock = new VirtualClock();
    const token = tokenSource({ signingKeyFile, lifetimeMs: 600_000 }, 'gha', clock);
    const first = token();
    const [header = '', claims = '', signature] = first.split('.');
    expect(signature).toBe(createHmac('sha256', key).update(`${header}.${claims}`).digest('base64url'));
    const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
    expect(decode(header)).toEqual({ alg: 'HS256', typ: 'JWT' });
    const issued = Math.floor(clock.wallMs() / 1_000);
    expect(decode(claims)).toEqual({ exp: issued + 600, iat: issued, sun: 'gha' });
    clock.advance(479_000);
    expect(token()).toBe(first);
    clock.setWall(clock.wallMs() + 3_600_000);
    expect(token()).toBe(first);
    clock.advance(2_000);
    expect(token()).not.toBe(first);
  });
});

it('a fixed token is what it is', () => {
  expect(tokenSource({ value: 'fixed' }, 'gha', new VirtualClock())()).toBe('fixed');
});
