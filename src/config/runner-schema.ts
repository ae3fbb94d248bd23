/** `runner`, and what it asks of the launchers of profiles. */
import { z } from 'zod';
import type { HookEvent } from '../domain/hook.ts';
import { maxRunnerNamePrefixLength } from '../domain/names.ts';
import { durationMs, httpUrl, nodePath, seen, sizeMiB, text } from './fields.ts';
import { launcherFaults, launcherSchema, mergeLauncher } from './launcher-schema.ts';

/** `exit` ends within the half minute that Slurm leaves a job that it has told to end. */
const hook = (timeLimit: string) =>
  z.strictObject({
    script: nodePath,
    timeLimit: durationMs.refine((ms) => ms >= 1_000, 'must be 1s at least').prefault(timeLimit),
  });

export const runnerSchema = z
  .strictObject({
    handoff: z.enum(['callback', 'mailbox']).default('callback'),
    extraLabels: z.array(text).default(['self-hosted', 'linux', 'x64']),
    namePrefix: text
      .regex(/^[A-Za-z0-9_.-]+$/, 'may have letters, digits, dots, dashes and underscores')
      .max(
        maxRunnerNamePrefixLength,
        `may have ${maxRunnerNamePrefixLength} characters: GitHub allows 64 in all`,
      )
      .default('gha'),
    callbackUrl: httpUrl.transform((url) => url.replace(/\/+$/, '')).optional(),
    mailboxSecret: text
      .min(32, 'must have 32 characters at least: openssl rand -hex 32 makes some')
      .optional(),
    claimWait: durationMs.default(900_000),
    idleTimeout: durationMs.default(120_000),
    idleLimit: durationMs.default(900_000),
    timeLimitWarning: durationMs.default(90_000),
    killWait: durationMs.refine((ms) => ms >= 10_000, 'must be 10s at least').prefault('30s'),
    launcher: launcherSchema,
    scratch: nodePath.optional(),
    imageCache: z.strictObject({ path: nodePath.optional(), limit: sizeMiB.prefault('20GiB') }).prefault({}),
    hooks: z
      .strictObject({
        beforeClaim: hook('30s').optional(),
        jobStarted: hook('30s').optional(),
        jobCompleted: hook('30s').optional(),
        exit: hook('10s').optional(),
      } satisfies Record<HookEvent, unknown>)
      .prefault({}),
  })
  .superRefine(
    ({ handoff, callbackUrl, mailboxSecret }, context) => {
      const refuse = (field: string, message: string): void =>
        context.addIssue({ code: 'custom', path: [field], message });
      if (handoff === 'callback' && callbackUrl === undefined)
        refuse('callbackUrl', 'is required with handoff callback');
      if (handoff === 'mailbox' && mailboxSecret === undefined)
        refuse('mailboxSecret', 'is required with handoff mailbox');
      if (handoff === 'callback' && mailboxSecret !== undefined)
        refuse('mailboxSecret', 'goes with handoff mailbox');
    },
    { when: seen },
  );

type Launching = {
  runner?: { launcher?: Parameters<typeof mergeLauncher>[0] };
  profiles?: Record<string, { launcher?: Parameters<typeof mergeLauncher>[1] }>;
};

/** Asked of each profile's launcher as a whole; the base is asked by itself. Fields with faults are missing here. */
export function refuseLaunchers({ runner, profiles }: Launching, context: z.RefinementCtx): void {
  const base = runner?.launcher;
  if (base?.kind === undefined) return;
  for (const { field, message } of launcherFaults(base))
    context.addIssue({ code: 'custom', path: ['runner', 'launcher', field], message });
  for (const [name, profile] of Object.entries(profiles ?? {})) {
    if (profile?.launcher === undefined) continue;
    for (const { field, message } of launcherFaults(mergeLauncher(base, profile.launcher)))
      context.addIssue({ code: 'custom', path: ['profiles', name, 'launcher', field], message });
  }
}
