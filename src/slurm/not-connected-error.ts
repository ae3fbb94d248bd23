/** No connection came about: the request was certainly never sent. `code` is the system's or TLS's own. */
export class NotConnectedError extends Error {
  override readonly name = 'NotConnectedError';
  readonly code: string;
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.code = 'code' in cause && typeof cause.code === 'string' ? cause.code : 'no connection';
  }
}
