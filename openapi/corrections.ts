/**
 * Where Slurm's own description is wrong, measured on 24.11.5 and 26.05.5. Applied when types are generated; the committed
 * descriptions stay as Slurm gives them.
 *
 * 1. `GET /jobs/state/` is described as answering full job records. It answers `{jobs: [{job_id, state}]}`, with the id as
 *    a string ("6", "123_4"); `jobs` is null when slurmctld did not answer.
 * 2. Its `job_id` is described as a string with a comma-separated list. That is refused with 400 or 500; the parameter
 *    repeated is taken.
 * 3. The `step` of `GET /slurmdb/jobs/` is described the same way, and takes the same.
 * 4. A 200 response and an OpenAPI 3.0 `required: []` say nothing about which fields are there: they all are optional in
 *    the types, and are checked where they are read.
 */
import type { Description, Json } from './trim.ts';

const stateResponse: Json = {
  type: 'object',
  properties: {
    jobs: {
      type: 'array',
      nullable: true,
      items: {
        type: 'object',
        properties: { job_id: { type: 'string' }, state: { type: 'array', items: { type: 'string' } } },
        required: ['job_id', 'state'],
      },
    },
    errors: { $ref: '#/components/schemas/ERRORS' },
    warnings: { $ref: '#/components/schemas/WARNINGS' },
  },
};

export function correct(description: Description): Description {
  const states = operation(description, '/jobs/state/');
  const records = operation(description, '/slurmdb/jobs/');
  const errors = schemaOf(description, 'errors');
  const warnings = schemaOf(description, 'warnings');
  const response = JSON.parse(
    JSON.stringify(stateResponse)
      .replace('{"$ref":"#/components/schemas/ERRORS"}', JSON.stringify(errors))
      .replace('{"$ref":"#/components/schemas/WARNINGS"}', JSON.stringify(warnings)),
  ) as Json;
  const content = { content: { 'application/json': { schema: response } }, description: '' };
  const paths = {
    ...description.paths,
    '/jobs/state/': {
      get: { ...states, parameters: [repeated('job_id')], responses: { '200': content, default: content } },
    },
    '/slurmdb/jobs/': {
      get: {
        ...records,
        parameters: records.parameters.map((parameter) =>
          parameter['name'] === 'step' ? repeated('step') : parameter,
        ),
      },
    },
  };
  return { ...description, paths };
}

interface Operation {
  readonly [key: string]: Json;
  readonly parameters: readonly { readonly [key: string]: Json }[];
}

const operation = ({ paths }: Description, path: string): Operation =>
  (paths[path] as unknown as { readonly get: Operation }).get;

/** A query parameter that may be there any number of times. */
const repeated = (name: string) => ({
  in: 'query',
  name,
  style: 'form',
  explode: true,
  required: false,
  schema: { type: 'array', items: { type: 'string' } },
});

/** The schema of `errors` and `warnings` is the same in every response; in some versions it is inlined. */
function schemaOf({ components }: Description, field: 'errors' | 'warnings'): Json {
  const response = components.schemas['openapi_job_submit_response'] as { properties: Record<string, Json> };
  return response.properties[field] ?? {};
}
