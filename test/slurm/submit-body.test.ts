import { describe, expect, it } from 'vitest';
import { ownFields, type Profile } from '../../src/domain/profile.ts';
import { submitBody } from '../../src/slurm/submit-body.ts';

const least: Profile = { name: 'small', partition: 'ci', cpus: 1, memoryMiB: 512, timeLimitMinutes: 5 };

const whole: Profile = {
  name: 'gpu',
  partition: 'gpu,ci',
  cpus: 8,
  memoryPerCpuMiB: 4_096,
  timeLimitMinutes: 120,
  account: 'ci',
  qos: 'normal',
  reservation: 'tuesday',
  constraint: 'a100',
  excludeNodes: ['node01', 'rack[3-4]'],
  gres: 'gpu:1,tmpdisk:4096',
  tres: 'gres/shard:2',
  licenses: 'matlab:1',
  nice: 100,
  exclusive: true,
  comment: 'CI',
  tmpMiB: 20_480,
  extra: { wckey: 'ci', name: 'something else' },
};

const jobOf = (profile: Profile): Record<string, unknown> =>
  submitBody({
    name: 'gha-i-a',
    user: null,
    profile,
    script: '#!/bin/bash\n',
    environment: { PATH: '/usr/bin' },
    workingDirectory: '/tmp',
    output: '/dev/null',
    timeLimitWarningSeconds: 90,
  }).job;

describe('the body of a submit', () => {
  it("has every resource of the profile, in Slurm's own form", () => {
    expect(jobOf(whole)).toMatchObject({
      partition: 'gpu,ci',
      cpus_per_task: 8,
      memory_per_cpu: { set: true, infinite: false, number: 4_096 },
      time_limit: { set: true, infinite: false, number: 120 },
      account: 'ci',
      qos: 'normal',
      reservation: 'tuesday',
      constraints: 'a100',
      excluded_nodes: ['node01', 'rack[3-4]'],
      tres_per_node: 'gres/gpu:1,gres/tmpdisk:4096,gres/shard:2',
      licenses: 'matlab:1',
      nice: 100,
      shared: ['none'],
      comment: 'CI',
      temporary_disk_per_node: 20_480,
      wckey: 'ci',
    });
    expect(jobOf(whole)).not.toHaveProperty('memory_per_node');
  });

  it('leaves out what the profile does not say', () => {
    expect(Object.keys(jobOf(least))).toEqual(
      Object.keys(jobOf(least)).filter((field) => jobOf(least)[field] !== undefined),
    );
    expect(jobOf(least)).not.toHaveProperty('account');
    expect(jobOf({ ...least, exclusive: false })).not.toHaveProperty('shared');
  });

  it('lets nothing further take the place of what the service sets', () => {
    expect(jobOf(whole)['name']).toBe('gha-i-a');
  });

  it('has just the fields that a profile may not set by itself', () => {
    const { extra: _extra, ...rest } = whole;
    const sent = new Set([...Object.keys(jobOf(rest)), ...Object.keys(jobOf(least))]);
    expect([...sent].sort()).toEqual([...ownFields.keys()].sort());
  });
});
