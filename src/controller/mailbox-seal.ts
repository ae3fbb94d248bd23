/**
 * Messages between the service and one Slurm job that travel in that job's comment, which everybody on the cluster may read.
 *
 * Both know a key that was given to that job alone. Encrypted with AES-256-CBC under a key and a vector that PBKDF2 makes of it, as
 * `openssl enc -aes-256-cbc -pbkdf2 -iter 1000 -md sha256` does, which nodes have; then authenticated with HMAC-SHA256. A message is
 * fields with colons between, the last one its seal:
 *
 *   gs1:q:SEQUENCE:PAYLOAD:SEAL              the job asks
 *   gs1:a:SEQUENCE:PART:PARTS:PAYLOAD:SEAL   a part of the answer
 *   gs1:k:SEQUENCE:PART:SEAL                 the job has taken that part
 *
 * Nothing is in the clear but numbers. A part that is repeated, cut or another question's does not fit its seal or its place.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  pbkdf2Sync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';

const iterations = 1_000;
const magic = Buffer.from('Salted__');
/** Of an answer: the JIT config of a runner has about 6 KB. */
const mostBytes = 65_536;

/** 64 hexadecimal digits, the same whenever it is asked for: nothing of it is stored. */
export const mailboxKey = (secret: string, slurmJobName: string): string =>
  createHmac('sha256', secret).update(`mailbox ${slurmJobName}`).digest('hex');

export function encrypt(key: string, plain: string): string {
  const salt = randomBytes(8);
  const [cipherKey, vector] = derive(key, salt);
  const cipher = createCipheriv('aes-256-cbc', cipherKey, vector);
  const bytes = Buffer.concat([magic, salt, cipher.update(gzipSync(plain)), cipher.final()]);
  return bytes.toString('base64url');
}

/** Null for what this key has not encrypted. */
export function decrypt(key: string, text: string): string | null {
  const bytes = Buffer.from(text, 'base64url');
  if (!bytes.subarray(0, 8).equals(magic)) return null;
  try {
    const [cipherKey, vector] = derive(key, bytes.subarray(8, 16));
    const decipher = createDecipheriv('aes-256-cbc', cipherKey, vector);
    const packed = Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]);
    return gunzipSync(packed, { maxOutputLength: mostBytes }).toString();
  } catch {
    return null;
  }
}

/** The message with its seal. */
export const seal = (key: string, fields: readonly (string | number)[]): string => {
  const text = fields.join(':');
  return `${text}:${hmac(key, text)}`;
};

/** The fields of a message that carries its seal; null for anything else. */
export function unseal(key: string, message: string): string[] | null {
  const at = message.lastIndexOf(':');
  const [text, given] = [message.slice(0, at), Buffer.from(message.slice(at + 1))];
  const own = Buffer.from(hmac(key, text));
  return given.length === own.length && timingSafeEqual(given, own) ? text.split(':') : null;
}

const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('hex');

function derive(key: string, salt: Buffer): readonly [Buffer, Buffer] {
  const bytes = pbkdf2Sync(key, salt, iterations, 48, 'sha256');
  return [bytes.subarray(0, 32), bytes.subarray(32)];
}
