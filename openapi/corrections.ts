/**
 * Where Slurm's own description is wrong, measured on 24.11.5 and 26.05.5. Applied when types are generated; the committed
 * descriptions stay as Slurm gives them.
 *
 * 1. `GET /jobs/state/` is described as answering full job records. It answers `{jobs: [{job_id, state}]}`, with the id as
 *    a string ("6", "123_4"); `jobs` is null when slurmctld did not answer.
 * 2. Its `job_id` is described as a string with a comma-separated list. That is refused with 400 or 500; the parameter
 *    repeated is taken.
 * 3. A 200 response and an OpenAPI 3.0 `required: []` say nothing about which fields are there: they all are optional in
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
  const { get } = description.paths['/jobs/state/'] as { get: Record<string, Json> };
  const errors = schemaOf(description, 'errors');
  const warnings = schemaOf(description, 'warnings');
  const response = JSON.parse(
    JSON.stringify(stateResponse)
      .replace('{"$ref":"#/components/schemas/ERRORS"}', JSON.stringify(errors))
      .replace('{"$ref":"#/components/schemas/WARNINGS"}', JSON.stringify(warnings)),
  ) as Json;
  const content = { content: { 'application/json': { schema: response } }, description: '' };
  const corrected = {
    ...get,
    parameters: [
      {
        in: 'query',
        name: 'job_id',
        style: 'form',
        explode: true,
        required: false,
        schema: { type: 'array', items: { type: 'string' } },
      },
    ],
    responses: { '200': content, default: content },
  };
  return { ...description, paths: { ...description.paths, '/jobs/state/': { get: corrected } } };
}

/** The schema of `errors` and `warnings` is the same in every response; in some versions it is inlined. */
function schemaOf({ components }: Description, field: 'errors' | 'warnings'): Json {
  const response = components.schemas['openapi_job_submit_response'] as { properties: Record<string, Json> };
  return response.properties[field] ?? {};
}
