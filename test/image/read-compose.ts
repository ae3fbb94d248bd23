/** docker-compose.yml as data. Strict: a key that is not known here is a fault, so that a wrong one can't go unnoticed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { root } from './podman.ts';

const text = z.string().min(1);
const duration = z.string().regex(/^\d+[smh]$/);
const condition = z.enum(['service_started', 'service_healthy', 'service_completed_successfully']);

const service = z.strictObject({
  build: z.strictObject({ context: text, target: text.optional(), dockerfile: text.default('Dockerfile') }),
  image: text,
  command: z.array(text).min(1),
  user: z
    .string()
    .regex(/^[1-9]\d*:[1-9]\d*$/)
    .optional(),
  privileged: z.literal(true).optional(),
  read_only: z.boolean().default(false),
  cap_drop: z.array(text).default([]),
  security_opt: z.array(text).default([]),
  tmpfs: z.array(text).default([]),
  environment: z.record(text, z.string()).default({}),
  volumes: z
    .array(z.string().regex(/^[^:]+:\/[^:]+(:ro)?$/))
    .default([])
    .transform((volumes) =>
      volumes.map((volume) => {
        const [from = '', to = '', mode] = volume.split(':');
        return { from, to, readOnly: mode === 'ro', isBind: /^[./]/.test(from) };
      }),
    ),
  ports: z
    .array(z.string().regex(/^127\.0\.0\.1:\d+:\d+$/, 'must be published on loopback only'))
    .default([]),
  depends_on: z.record(text, z.strictObject({ condition })).default({}),
  healthcheck: z
    .strictObject({
      test: z.tuple([z.literal('CMD')], text),
      interval: duration,
      timeout: duration,
      retries: z.int().positive(),
      start_period: duration.optional(),
    })
    .optional(),
  restart: z.enum(['no', 'always', 'on-failure', 'unless-stopped']).default('no'),
  stop_grace_period: duration.default('10s'),
});

const compose = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]*$/),
  services: z.record(text, service),
  volumes: z.record(text, z.null()),
});

export type ComposeService = z.output<typeof service>;
export type Compose = z.output<typeof compose>;

export const composeFile = 'docker-compose.yml';

/** @throws z.ZodError that names every fault. */
export function readCompose(): Compose {
  return compose.parse(parse(readFileSync(join(root, composeFile), 'utf8'), { merge: true }));
}
