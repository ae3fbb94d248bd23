/**
 * Makes the committed description of one API version from what a slurmrestd serves: only the operations that are used
 * here, only the schemas that they reach, no prose; the version is taken out of paths and names, so that the types of all
 * versions have the same names.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export interface Description {
  readonly openapi: string;
  readonly info: { readonly [key: string]: Json };
  readonly paths: { readonly [path: string]: { readonly [method: string]: Json } };
  readonly components: { readonly schemas: { readonly [name: string]: Json } };
}

/**
 * The operations that the client uses; anything else is not in the types. Those of `/slurmdb` keep that beginning, and lose
 * the version behind it.
 */
const operations: Readonly<Record<string, readonly string[]>> = {
  '/job/submit': ['post'],
  '/jobs/': ['get', 'delete'],
  '/jobs/state/': ['get'],
  '/job/{job_id}': ['get', 'post'],
  '/ping/': ['get'],
  '/partitions/': ['get'],
  '/nodes/': ['get'],
  '/reservations/': ['get'],
  '/licenses/': ['get'],
  '/slurmdb/jobs/': ['get'],
  '/slurmdb/associations/': ['get'],
};

const servedPath = (path: string, version: string): string =>
  path.startsWith('/slurmdb/')
    ? path.replace('/slurmdb/', `/slurmdb/${version}/`)
    : `/slurm/${version}${path}`;

const prose: ReadonlySet<string> = new Set(['description', 'summary', 'tags', 'deprecated']);

export function servedVersions(served: Description): string[] {
  const versions = Object.keys(served.paths).flatMap((path) => /^\/slurm\/(v[\d.]+)\//.exec(path)?.[1] ?? []);
  return [...new Set(versions)].sort();
}

/** @throws Error when an operation that the client uses is not served. */
export function trim(served: Description, version: string): Description {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [path, methods] of Object.entries(operations)) {
    const item = served.paths[servedPath(path, version)];
    paths[path] = Object.fromEntries(
      methods.map((method) => {
        const operation = item?.[method];
        if (operation === undefined)
          throw new Error(`${method.toUpperCase()} ${path} is not served as ${version}.`);
        return [method, clean(operation, version)];
      }),
    );
  }
  const schemas: Record<string, Json> = {};
  const wanted = references(paths);
  for (const name of wanted) {
    const schema = clean(served.components.schemas[`${version}_${name}`] ?? {}, version);
    schemas[name] = schema;
    for (const further of references(schema)) wanted.add(further);
  }
  const { title = '', license = {}, version: release = '' } = served.info;
  return {
    openapi: served.openapi,
    info: { title, license, version, 'x-taken-from': release },
    paths: sorted(paths) as Description['paths'],
    components: { schemas: sorted(schemas) as { [name: string]: Json } },
  };
}

/** Without prose, other media types than JSON, and the version in names. */
function clean(node: Json, version: string, key = ''): Json {
  if (Array.isArray(node)) return node.map((item: Json) => clean(item, version));
  if (typeof node === 'string') {
    return key === '$ref'
      ? node.replace(`/${version}_`, '/')
      : key === 'operationId'
        ? node.replace(/^(slurm|slurmdb)_v\d+_/, (_, plugin) => (plugin === 'slurm' ? '' : 'slurmdb_'))
        : node;
  }
  if (typeof node !== 'object' || node === null) return node;
  // A property may be called "description": only strings under that key are prose.
  const entries = Object.entries(node).filter(
    ([name, value]) =>
      !(prose.has(name) && typeof value !== 'object') && name !== 'tags' && name !== 'application/yaml',
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, clean(value, version, name)]));
}

function references(node: unknown): Set<string> {
  const found = JSON.stringify(node).matchAll(/"#\/components\/schemas\/([^"]+)"/g);
  return new Set([...found].map((match) => match[1] ?? ''));
}

function sorted(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(sorted);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, sorted(value)]),
  );
}
