import { createHmac } from 'node:crypto';

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A token as `scontrol token` prints one: HS256 with the cluster's key. A negative life makes an expired one. */
export function mintToken(key: Buffer, user: string, lifeSeconds: number): string {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const claims = { exp: nowSeconds + lifeSeconds, iat: nowSeconds - 60, sun: user };
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`;
}
