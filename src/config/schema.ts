/** The configuration file's shape. Units are parsed here, so that the rest of the program sees plain numbers. */
import { z } from 'zod';
import { ownFields } from '../domain/profile.ts';
import { refusedField } from '../domain/refused-fields.ts';
import { absolutePath, durationMs, httpUrl, positive, seen, sizeMiB, text, variable } from './fields.ts';
import { launcherOverride } from './launcher-schema.ts';
import { refuseLaunchers, runnerSchema } from './runner-schema.ts';

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(host);

const notYet = (what: string) => z.undefined(`${what} is not served by this version`).optional();

const listenAddress = text.transform((value, context) => {
  const match = /^(.+):(\d{1,5})$/.exec(value);
  const port = Number(match?.[2]);
  if (match?.[1] !== undefined && port <= 65_535) return { host: match[1].replace(/^\[|\]$/g, ''), port };
  context.addIssue(`"${value}" is not HOST:PORT`);
  return z.NEVER;
});

const watchEntry = z.strictObject({
  repository: text.regex(/^[\w.-]+\/[\w.-]+$/, 'must be owner/name'),
  account: text.optional(),
  qos: text.optional(),
  user: text.optional(),
  organization: notYet('an organization scope'),
  auth: notYet('auth of a single watch entry'),
});

const github = z.strictObject({
  apiUrl: httpUrl.default('https://api.github.com'),
  auth: z.strictObject({ token: text, app: notYet('a GitHub App') }),
  webhookSecret: text.optional(),
  watch: z.array(watchEntry).min(1, 'names no repository to watch'),
  pollInterval: durationMs.default(5_000),
});

/** What is wrong with an address of slurmrestd; null when nothing is. */
function slurmUrlFault(url: string): string | null {
  if (url.startsWith('unix://'))
    return /^unix:\/\/\/[^?#]+$/.test(url) ? null : 'must name a socket by its absolute path: unix:///PATH';
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url))
    return 'must be an http:// or https:// URL, or unix:///PATH';
  const { username, password, search, hash } = new URL(url);
  if (username !== '' || password !== '') return 'must not have a user or a password: see slurm.token';
  return search === '' && hash === '' ? null : 'must end with its path';
}

/** One address, or several that are asked in turn. */
const slurmUrls = z
  .union([z.string(), z.array(z.string()).min(1)], 'must be a URL, or a list of them')
  .transform((given, context) => {
    const urls = typeof given === 'string' ? [given] : given;
    for (const [index, url] of urls.entries()) {
      const message = urls.indexOf(url) < index ? 'is there twice' : slurmUrlFault(url);
      const path = typeof given === 'string' ? [] : [index];
      if (message !== null) context.addIssue({ code: 'custom', message, path });
    }
    return urls.map((url) => url.replace(/\/+$/, ''));
  });

const forHttps = 'goes with an https:// URL in slurm.url';
/** Of an address that has a fault itself nothing is known. */
const goesWithHttps =
  (name: 'caFile' | 'certFile' | 'keyFile') =>
  (
    slurm: { readonly url?: readonly string[] } & { readonly [file in typeof name]?: string | undefined },
  ): boolean =>
    slurm[name] === undefined || (slurm.url?.some((url) => url.startsWith('https://')) ?? true);

const slurmToken = z
  .strictObject({
    value: text.optional(),
    file: text.optional(),
    signingKeyFile: text.optional(),
    command: z.array(text).min(1, 'names no program').optional(),
    // Slurm allows no leeway, and a call may wait for half a minute.
    lifetime: durationMs.refine((ms) => ms >= 60_000, 'must be 1m at least').optional(),
    timeLimit: durationMs.refine((ms) => ms > 0, 'must be longer than nothing').optional(),
  })
  .refine(
    ({ value, file, signingKeyFile, command }) =>
      [value, file, signingKeyFile, command].filter((given) => given !== undefined).length === 1,
    { error: 'give exactly one of value, file, signingKeyFile and command', when: seen },
  )
  .refine(
    ({ lifetime, signingKeyFile, command }) =>
      lifetime === undefined || (signingKeyFile ?? command) !== undefined,
    { error: 'goes with signingKeyFile or command', path: ['lifetime'], when: seen },
  )
  .refine(({ timeLimit, command }) => timeLimit === undefined || command !== undefined, {
    error: 'goes with command',
    path: ['timeLimit'],
    when: seen,
  });

const slurm = z
  .strictObject({
    url: slurmUrls,
    caFile: text.optional(),
    certFile: text.optional(),
    keyFile: text.optional(),
    user: text,
    token: slurmToken,
    apiVersion: z
      .string()
      .regex(/^(auto|v0\.0\.\d+)$/, 'must be auto or a version such as v0.0.42')
      .default('auto'),
    pollInterval: durationMs.default(5_000),
    workingDirectory: absolutePath.default('/tmp'),
    output: text.default('/dev/null'),
    environment: z
      .record(variable, z.string())
      .refine((value) => Object.keys(value).length > 0, 'must name one variable at least')
      .default({ PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/tmp' }),
  })
  // Files that no address would use are a mistake, of the address as a rule.
  .refine(goesWithHttps('caFile'), { error: forHttps, path: ['caFile'], when: seen })
  .refine(goesWithHttps('certFile'), { error: forHttps, path: ['certFile'], when: seen })
  .refine(goesWithHttps('keyFile'), { error: forHttps, path: ['keyFile'], when: seen })
  .refine(({ certFile, keyFile }) => certFile === undefined || keyFile !== undefined, {
    error: 'is required with certFile',
    path: ['keyFile'],
    when: seen,
  })
  .refine(({ certFile, keyFile }) => keyFile === undefined || certFile !== undefined, {
    error: 'is required with keyFile',
    path: ['certFile'],
    when: seen,
  });

/** One, or a list of them. */
const oneOrMore = z.union(
  [text.transform((value) => [value]), z.array(text).min(1)],
  'must be a text, or a list of texts',
);

const profile = z
  .strictObject({
    partition: oneOrMore,
    cpus: positive,
    memory: sizeMiB.optional(),
    memoryPerCpu: sizeMiB.optional(),
    timeLimit: durationMs.refine((ms) => ms > 0, 'must be longer than nothing'),
    account: text.optional(),
    qos: text.optional(),
    reservation: text.optional(),
    constraint: text.optional(),
    excludeNodes: oneOrMore.optional(),
    gres: text.optional(),
    tres: text
      .regex(
        /^[\w]+\/[\w:.-]+(,[\w]+\/[\w:.-]+)*$/,
        'must be TYPE/NAME:COUNT, such as gres/gpu:1, with commas in between',
      )
      .optional(),
    licenses: text.optional(),
    nice: z.int().optional(),
    exclusive: z.boolean().optional(),
    // Slurm's own limit.
    comment: text.max(1_024, 'may have 1,024 characters').optional(),
    tmp: sizeMiB.optional(),
    extra: z.record(text, z.json()).superRefine(refuseFields).optional(),
    maxAllocations: positive.optional(),
    launcher: launcherOverride.optional(),
  })
  .refine(({ memory, memoryPerCpu }) => (memory === undefined) !== (memoryPerCpu === undefined), {
    error: 'give either memory or memoryPerCpu',
    path: ['memory'],
    when: (profile) =>
      seen(profile) && !profile.issues.some(({ path }) => String(path?.[0]).startsWith('memory')),
  });

function refuseFields(extra: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  for (const [field, value] of Object.entries(extra)) {
    const message = ownFieldFault(field) ?? refusedField(field, value);
    if (message !== null) context.addIssue({ code: 'custom', path: [field], message });
  }
}

function ownFieldFault(field: string): string | null {
  const setting = ownFields.get(field);
  if (setting === undefined) return null;
  return setting === null ? 'is filled in by the service' : `has a setting of its own: ${setting}`;
}

/** A Slurm token is one user's: those of other users have to be minted. Fields with faults are missing here. */
function refuseUsersWithoutKey(
  {
    github,
    slurm,
  }: {
    github?: { watch?: { user?: string | undefined }[] };
    slurm?: { token?: { signingKeyFile?: string | undefined } };
  },
  context: z.RefinementCtx,
): void {
  if (slurm?.token === undefined || slurm.token.signingKeyFile !== undefined) return;
  for (const [index, entry] of (github?.watch ?? []).entries()) {
    if (entry?.user === undefined) continue;
    const message = 'needs slurm.token.signingKeyFile: a token of another kind is for slurm.user alone';
    context.addIssue({ code: 'custom', path: ['github', 'watch', index, 'user'], message });
  }
}

export const configSchema = z
  .strictObject({
    github,
    slurm,
    profiles: z
      .record(text, profile)
      .refine((profiles) => Object.keys(profiles).length > 0, 'names no profile')
      .refine(
        (profiles) =>
          new Set(Object.keys(profiles).map((name) => name.toLowerCase())).size ===
          Object.keys(profiles).length,
        { error: 'has labels that differ in case only: GitHub takes them for the same', when: seen },
      ),
    runner: runnerSchema,
    limits: z
      .strictObject({
        maxAllocations: positive.default(200),
        surplusGrace: durationMs.default(30_000),
        maxPerRepository: positive.default(100),
        maxPending: positive.optional(),
        maxAttempts: positive.default(5),
      })
      .prefault({}),
    database: z
      .strictObject({
        path: text.default('./data/gha-slurm.sqlite'),
        // A listing of GitHub's that is late must find the job that it shows as queued, and see that it is completed.
        keep: durationMs.refine((ms) => ms >= 3_600_000, 'must be 1h at least').default(30 * 86_400_000),
        allowNetworkFileSystem: z.boolean().default(false),
      })
      .prefault({}),
    server: z
      .strictObject({
        listen: listenAddress.prefault('0.0.0.0:8080'),
        admin: listenAddress.prefault('127.0.0.1:9090'),
        adminToken: text.optional(),
      })
      .prefault({})
      .refine((server) => server.adminToken !== undefined || isLoopback(server.admin?.host ?? ''), {
        error: 'adminToken is required when admin listens beyond loopback',
        path: ['adminToken'],
        when: seen,
      }),
    log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
  })
  .superRefine(refuseUsersWithoutKey, { when: seen })
  .superRefine(refuseLaunchers, { when: seen });

export type ConfigDocument = z.output<typeof configSchema>;
