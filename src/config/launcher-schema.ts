/**
 * `runner.launcher`, and `launcher` of a profile, which has its fields in place of those. What goes together is a question to both
 * at once, so that is asked of the merged fields.
 */
import { z } from 'zod';
import { type Launcher, launcherKinds } from '../domain/launcher.ts';
import { nodePath, nodePathPattern, text, variable } from './fields.ts';

const bind = z
  .string()
  .regex(
    new RegExp(`^${nodePathPattern}(:${nodePathPattern})?(:r[ow])?$`, 'u'),
    'must be FROM, FROM:TO, or FROM:TO:ro, with absolute paths that have no spaces, quotes, commas, backslashes, $ and wildcards',
  )
  .transform((value) => {
    const mode = /:r[ow]$/.exec(value)?.[0] ?? ':rw';
    const [from = '', to = from] = value.replace(/:r[ow]$/, '').split(':');
    return `${from}:${to}${mode}`;
  });

const docker = z.strictObject({
  mirrors: z
    .array(z.string().regex(/^https?:\/\/[^\s"\\]+$/, 'must be an http:// or https:// URL'))
    .default([]),
  preload: nodePath.optional(),
  storageDriver: z.enum(['overlay2', 'fuse-overlayfs', 'vfs', 'btrfs']).optional(),
  hostLoopback: z.boolean().default(false),
});

export const launcherSchema = z.strictObject({
  kind: z.enum(launcherKinds, `must be one of ${launcherKinds.join(', ')}`),
  command: nodePath.optional(),
  image: text.regex(/^\S+$/, 'must have no spaces').optional(),
  binds: z.array(bind).optional(),
  mounts: z.array(nodePath).optional(),
  environment: z.array(variable).optional(),
  docker: docker.optional(),
});

export const launcherOverride = launcherSchema.partial();

export type LauncherFields = z.output<typeof launcherSchema>;
export type LauncherOverride = z.output<typeof launcherOverride>;

/** Where the published image of the runner has it. Source: https://github.com/actions/runner/blob/main/images/Dockerfile */
const commandInImage = '/home/runner/run.sh';

/** Another kind of launcher takes nothing over of what says where its runner is. */
export function mergeLauncher(base: LauncherFields, own: LauncherOverride | undefined): LauncherFields {
  if (own === undefined) return base;
  const { command, image, ...rest } = base;
  const sameKind = own.kind === undefined || own.kind === base.kind;
  return { ...(sameKind ? base : rest), ...own, kind: own.kind ?? base.kind };
}

export interface LauncherFault {
  readonly field: keyof LauncherFields;
  readonly message: string;
}

/** What does not go together. */
export function launcherFaults({ kind, command, image, binds }: LauncherFields): LauncherFault[] {
  if (kind === 'command') {
    return [
      ...(command === undefined
        ? [{ field: 'command', message: 'is required with kind command' } as const]
        : []),
      ...(image === undefined ? [] : [{ field: 'image', message: 'goes with apptainer or docker' } as const]),
      // With `docker:` it may be meant for the containers of steps.
      ...(binds === undefined
        ? []
        : [
            {
              field: 'binds',
              message: 'goes with kind apptainer or docker; with command, see mounts',
            } as const,
          ]),
    ];
  }
  if (image === undefined) return [{ field: 'image', message: `is required with kind ${kind}` }];
  if (image.startsWith('/')) return [];
  const hasScheme = /^[a-z]+:\/\//.test(image);
  if (kind === 'apptainer' && !hasScheme) {
    const message = 'must be an absolute path, or a reference such as docker://ghcr.io/owner/name@sha256:…';
    return [{ field: 'image', message }];
  }
  return kind === 'docker' && hasScheme
    ? [{ field: 'image', message: 'must be a reference such as ghcr.io/owner/name@sha256:…, or an archive' }]
    : [];
}

export function toLauncher(fields: LauncherFields): Launcher {
  const { kind, command, image, binds, mounts, environment, docker: own } = fields;
  const daemon = own ?? (kind === 'docker' ? { mirrors: [], hostLoopback: false } : undefined);
  return {
    kind,
    command: command ?? commandInImage,
    image: image ?? null,
    binds: binds ?? [],
    mounts: mounts ?? [],
    environment: environment ?? [],
    docker:
      daemon === undefined
        ? null
        : {
            mirrors: daemon.mirrors,
            preload: daemon.preload ?? null,
            storageDriver: daemon.storageDriver ?? null,
            hostLoopback: daemon.hostLoopback,
          },
  };
}
