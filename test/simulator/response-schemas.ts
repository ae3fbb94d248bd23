/**
 * What GitHub's OpenAPI 3.0 description says of the answers of some routes, as JSON Schema: only the schemas that they
 * reach, no prose, keys in order. A keyword that is not understood here is an error, so that none is lost in silence.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Schema = { readonly [key: string]: Json };

interface Response {
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

export interface Description {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Response>> }>>>
  >;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, Response>>;
  };
}

export interface ResponseSchemas {
  /** By route (`GET /path`) and status; null for an answer without a body. */
  readonly responses: Readonly<Record<string, Readonly<Record<string, Schema | null>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const prose: ReadonlySet<string> = new Set([
  'title',
  'description',
  'example',
  'examples',
  'default',
  'deprecated',
  'x-github-breaking-changes',
]);
const plain: ReadonlySet<string> = new Set(['type', 'format', 'enum', 'required']);

/** @throws Error when GitHub does not describe a route. */
export function responseSchemas(
  description: Description,
  routes: readonly { readonly method: string; readonly path: string }[],
): ResponseSchemas {
  const responses = routes.map(({ method, path }) => {
    const operation = description.paths[path]?.[method.toLowerCase()];
    if (operation === undefined) throw new Error(`GitHub does not describe ${method} ${path}.`);
    const bodies = Object.entries(operation.responses).map(
      ([status, response]) => [status, bodyOf(response, description)] as const,
    );
    return [`${method} ${path}`, inOrder(bodies)] as const;
  });
  const schemas = new Map<string, Schema>();
  const wanted = references(responses);
  for (const name of wanted) {
    const schema = description.components.schemas[name];
    if (schema === undefined) throw new Error(`GitHub's description lacks its own schema ${name}.`);
    const converted = toJsonSchema(schema, name);
    schemas.set(name, converted);
    for (const further of references(converted)) wanted.add(further);
  }
  return { responses: inOrder(responses), components: { schemas: inOrder([...schemas]) } };
}

function bodyOf(response: Response, description: Description): Schema | null {
  const name = response.$ref?.replace('#/components/responses/', '');
  const { content } = name === undefined ? response : (description.components.responses[name] ?? {});
  const schema = content?.['application/json']?.schema;
  return schema === undefined ? null : toJsonSchema(schema, 'response');
}

function toJsonSchema(schema: Schema, place: string): Schema {
  // In OpenAPI 3.0 whatever stands beside a reference is ignored.
  if (typeof schema['$ref'] === 'string') return { $ref: schema['$ref'] };
  const { nullable = false, ...keywords } = schema;
  const converted: [string, Json][] = [];
  for (const [keyword, value] of Object.entries(keywords)) {
    const at = `${place}/${keyword}`;
    if (prose.has(keyword)) continue;
    if (plain.has(keyword)) converted.push([keyword, nullable === true ? orNull(keyword, value) : value]);
    else if (keyword === 'properties')
      converted.push([
        keyword,
        inOrder(
          Object.entries(value as Schema).map(([name, property]) => [
            name,
            toJsonSchema(property as Schema, `${at}/${name}`),
          ]),
        ),
      ]);
    else if (keyword === 'items') converted.push([keyword, toJsonSchema(value as Schema, at)]);
    else if (keyword === 'additionalProperties')
      converted.push([keyword, typeof value === 'boolean' ? value : toJsonSchema(value as Schema, at)]);
    else throw new Error(`A keyword that is not understood yet: ${at}.`);
  }
  if (nullable === true && keywords['type'] === undefined)
    throw new Error(`Nullable without a type: ${place}.`);
  return inOrder(converted);
}

/** JSON Schema has no `nullable`: null is a type, and one of the values of an enumeration. */
function orNull(keyword: string, value: Json): Json {
  if (keyword === 'type') return [value, 'null'];
  return keyword === 'enum' && Array.isArray(value) && !value.includes(null) ? [...value, null] : value;
}

function references(node: unknown): Set<string> {
  const found = JSON.stringify(node).matchAll(/"#\/components\/schemas\/([^"]+)"/g);
  return new Set([...found].map((match) => match[1] ?? ''));
}

function inOrder<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
