/**
 * Whether the further fields of a profile are fields of the submit body in the version of the API that is in use, and of the
 * right type: slurmrestd ignores what it does not know, and submits without it. Held to Slurm's own description.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ValidateFunction } from 'ajv';

interface Description {
  readonly components: {
    readonly schemas: { readonly job_desc_msg: object } & Readonly<Record<string, object>>;
  };
}

const descriptions = join(import.meta.dirname, '../../openapi');
const validators = new Map<string, ValidateFunction>();

/** @returns a sentence's part for each fault; none when all fits. */
export async function extraFaults(
  version: string,
  extra: Readonly<Record<string, unknown>>,
): Promise<string[]> {
  const validate = validators.get(version) ?? (await validatorOf(version));
  validators.set(version, validate);
  if (validate(extra)) return [];
  const faults = (validate.errors ?? []).map(({ instancePath, keyword, params, message = 'is wrong' }) => {
    if (keyword === 'additionalProperties')
      return `${instancePath.slice(1)}${instancePath === '' ? '' : '/'}${params['additionalProperty']} is not known`;
    const allowed = keyword === 'enum' ? ` (${(params['allowedValues'] as unknown[]).join(', ')})` : '';
    return `${instancePath.slice(1)} ${message}${allowed}`;
  });
  return [...new Set(faults)];
}

async function validatorOf(version: string): Promise<ValidateFunction> {
  // Few profiles have further fields, and the library takes megabytes.
  const { Ajv } = await import('ajv');
  const { components } = JSON.parse(
    readFileSync(join(descriptions, `${version}.json`), 'utf8'),
  ) as Description;
  // Names that are no JSON Schema (formats of integers, `nullable`) stay as they are.
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  const { schemas } = JSON.parse(
    JSON.stringify(components).replaceAll('#/components/schemas/', '#/definitions/'),
  ) as Description['components'];
  const closed = Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, closedSchema(schema)]),
  );
  return ajv.compile({ $ref: '#/definitions/job_desc_msg', definitions: closed });
}

/** With no room for names that are not there, at any depth. */
function closedSchema(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closedSchema);
  if (typeof node !== 'object' || node === null) return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, closedSchema(value)]));
  return 'properties' in copy ? { ...copy, additionalProperties: false } : copy;
}
