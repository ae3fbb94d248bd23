import { describe, expect, it } from 'vitest';
import { launchOf } from '../../src/cli/launches.ts';
import {
  launcherFaults,
  launcherSchema,
  mergeLauncher,
  toLauncher,
} from '../../src/config/launcher-schema.ts';

const base = launcherSchema.parse({
  kind: 'apptainer',
  image: '/cvmfs/images/runner',
  binds: ['/data', '/scratch:/s:ro'],
  environment: ['https_proxy'],
  docker: { mirrors: ['https://mirror:5000'] },
});
const faults = (fields: object) =>
  launcherFaults(launcherSchema.parse(fields)).map(({ field, message }) => `${field} ${message}`);

describe('a launcher', () => {
  it('has its binds written out, and the command of the published image', () => {
    expect(toLauncher(base)).toEqual({
      kind: 'apptainer',
      command: '/home/runner/run.sh',
      image: '/cvmfs/images/runner',
      binds: ['/data:/data:rw', '/scratch:/s:ro'],
      mounts: [],
      environment: ['https_proxy'],
      docker: { mirrors: ['https://mirror:5000'], preload: null, storageDriver: null, hostLoopback: false },
    });
  });

  it("of a profile: its own fields in place of the runner's; of another kind, nothing that says where the runner is", () => {
    expect(mergeLauncher(base, undefined)).toBe(base);
    expect(mergeLauncher(base, { image: '/other.sif' })).toEqual({ ...base, image: '/other.sif' });
    const { image: _, ...rest } = base;
    expect(mergeLauncher({ ...base, command: '/r/run.sh' }, { kind: 'docker' })).toEqual({
      ...rest,
      kind: 'docker',
    });
  });

  it('docker has a dockerd, said or not; command and apptainer only if so wanted', () => {
    const docker = toLauncher(launcherSchema.parse({ kind: 'docker', image: 'ghcr.io/a/b' })).docker;
    expect(docker).toEqual({ mirrors: [], preload: null, storageDriver: null, hostLoopback: false });
    expect(toLauncher(launcherSchema.parse({ kind: 'command', command: '/r/run.sh' })).docker).toBeNull();
  });

  it.each([
    [{ kind: 'command' }, ['command is required with kind command']],
    [
      { kind: 'command', command: '/r/run.sh', image: '/x.sif', binds: ['/a'] },
      [
        'image goes with apptainer or docker',
        'binds goes with kind apptainer or docker; with command, see mounts',
      ],
    ],
    [{ kind: 'apptainer' }, ['image is required with kind apptainer']],
    [
      { kind: 'apptainer', image: 'ghcr.io/a/b' },
      ['image must be an absolute path, or a reference such as docker://ghcr.io/owner/name@sha256:…'],
    ],
    [
      { kind: 'docker', image: 'docker://ghcr.io/a/b' },
      ['image must be a reference such as ghcr.io/owner/name@sha256:…, or an archive'],
    ],
    [{ kind: 'docker', image: '/images/runner.tar' }, []],
  ])('%j', (fields, said) => expect(faults(fields)).toEqual(said));

  it.each([
    { binds: ['data'] },
    { binds: ['/a:/b:rx'] },
    { binds: ['/a,/b'] },
    { environment: ['A=b'] },
    { mounts: ['/cvmfs/a\n/etc'] },
    { image: 'two words' },
    { docker: { mirrors: ['mirror:5000'] } },
    { docker: { storageDriver: 'zfs' } },
  ])('is refused with %j', (fields) => {
    expect(launcherSchema.safeParse({ kind: 'apptainer', image: '/x.sif', ...fields }).success).toBe(false);
  });

  it('a container gets the named variables only; a command those of the site', () => {
    const config = {
      runner: {
        scratch: undefined,
        imageCache: { path: undefined, limitMiB: 5 },
        hooks: [
          { event: 'beforeClaim', script: '/opt/check', timeLimitMs: 30_000 },
          { event: 'exit', script: '/opt/clean', timeLimitMs: 1_500 },
        ],
        idleLimitMs: 900_000,
        timeLimitWarningMs: 90_000,
        killWaitMs: 30_500,
        callbackUrl: 'http://service:8080',
      },
      slurm: { environment: { PATH: '/bin', https_proxy: 'http://proxy' } },
    } as const;
    const names = (launcher: ReturnType<typeof toLauncher>) =>
      launchOf(launcher, config).environment['GHA_SLURM_ENVIRONMENT'];
    expect(names(toLauncher(base))).toBe('https_proxy');
    const command = toLauncher(launcherSchema.parse({ kind: 'command', command: '/r', environment: ['X'] }));
    expect(names(command)).toBe('PATH https_proxy X');
    // Whole seconds, none of them too few.
    expect(launchOf(command, config).environment).toMatchObject({
      GHA_SLURM_HOOKS: 'beforeClaim 30 /opt/check\nexit 2 /opt/clean',
      GHA_SLURM_IDLE_LIMIT: '900',
      GHA_SLURM_TIME_LIMIT_WARNING: '90',
      GHA_SLURM_KILL_WAIT: '30',
    });
  });
});
