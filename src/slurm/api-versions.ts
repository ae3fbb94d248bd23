/**
 * The versions of the API that this client knows, newest first: Slurm 23.11 to 26.05. Each is described in `openapi/`, and
 * held by a type test.
 */
export const apiVersions = ['v0.0.45', 'v0.0.44', 'v0.0.43', 'v0.0.42', 'v0.0.41', 'v0.0.40'] as const;
export type ApiVersion = (typeof apiVersions)[number];
