/** GitHub's description of the routes that the simulator serves, to hold its answers to. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import type { Json, ResponseSchemas, Schema } from './response-schemas.ts';

const description = JSON.parse(
  readFileSync(join(import.meta.dirname, 'github-schemas.gen.json'), 'utf8'),
) as ResponseSchemas;

const basicError = '#/components/schemas/basic-error';
const ajv = new Ajv({ allErrors: true, strict: true });
addFormats.default(ajv);
for (const word of ['package', 'responses', 'components']) ajv.addKeyword(word);
const closedDescription: ResponseSchemas = {
  responses: mapped(description.responses, (byStatus) =>
    mapped(byStatus, (schema) => (schema === null ? null : closed(schema))),
  ),
  components: { schemas: mapped(description.components.schemas, closed) },
};
ajv.addSchema(description, 'github').addSchema(closedDescription, 'closed');

/** The statuses that GitHub describes for a route (`GET /path`). */
export function describedStatuses(route: string): number[] {
  return Object.keys(description.responses[route] ?? {}).map(Number);
}

/** True when GitHub describes a body, false when there is none, undefined when it does not describe the status at all. */
export function describesBody(route: string, status: number): boolean | undefined {
  const schema = description.responses[route]?.[String(status)];
  return schema === undefined ? undefined : schema !== null;
}

/** Where a body is not what GitHub describes; where GitHub does not describe the status, not the form of its errors. */
export function violations(route: string, status: number, body: unknown): string[] {
  return complaints('github', place(route, status), body);
}

/** Where a body has properties that GitHub does not name, at any depth. */
export function unnamedProperties(route: string, status: number, body: unknown): string[] {
  return complaints('closed', place(route, status), body, 'additionalProperties');
}

function place(route: string, status: number): string {
  if (describesBody(route, status) !== true) return basicError;
  const steps = ['responses', route, String(status)].map((step) =>
    encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1')),
  );
  return `#/${steps.join('/')}`;
}

function complaints(
  document: 'github' | 'closed',
  pointer: string,
  body: unknown,
  only?: 'additionalProperties',
): string[] {
  const validate = ajv.getSchema(document + pointer);
  if (validate === undefined) throw new Error(`there is no schema at ${pointer}`);
  validate(body);
  return (validate.errors ?? [])
    .filter(({ keyword }) => only === undefined || keyword === only)
    .map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
}

/** The same schema, which takes no property that it does not name. */
function closed(schema: Schema): Schema {
  const { properties, items } = schema;
  const inner = (node: Json | undefined): Schema => closed(node as Schema);
  return {
    ...schema,
    ...(items === undefined ? {} : { items: inner(items) }),
    ...(properties === undefined
      ? {}
      : {
          properties: mapped(properties as Record<string, Json>, inner),
          additionalProperties: schema['additionalProperties'] ?? false,
        }),
  };
}

function mapped<T, U>(record: Readonly<Record<string, T>>, make: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, make(value)]));
}
