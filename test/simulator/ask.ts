import type { Simulator } from './start-simulator.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Question {
  /** An object is sent as JSON, text as it is. */
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the simulator's own. */
  readonly token?: string;
}

/** One request over HTTP, as anybody would send it. @param path with its query. */
export async function ask(
  { url, token }: Pick<Simulator, 'url' | 'token'>,
  method: string,
  path: string,
  question: Question = {},
): Promise<Answer> {
  const { body } = question;
  const response = await fetch(url + path, {
    method,
    headers: { Authorization: `Bearer ${question.token ?? token}`, ...question.headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

export interface RunnerCredential {
  readonly id: number;
  readonly token: string;
}

/** What a runner takes from its JIT config to prove itself with. */
export function credentialOf(encodedJitConfig: string): RunnerCredential {
  const { id, secret } = JSON.parse(Buffer.from(encodedJitConfig, 'base64').toString('utf8')) as {
    id: number;
    secret: string;
  };
  return { id, token: `${id}.${secret}` };
}
