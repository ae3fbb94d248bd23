import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** An authority of its own, and what it signs; in `folder`. Keys are of elliptic curves: those are made at once. */
export function certificateAuthority(folder: string, name: string) {
  const caFile = join(folder, `${name}.pem`);
  const caKey = join(folder, `${name}.key`);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  openssl(
    ...['req', '-x509', ...newKey, '-keyout', caKey, '-out', caFile, '-subj', `/CN=${name}`, '-days', '2'],
  );
  return {
    caFile,
    /** For a server of that name or address on loopback, or a client of that name. */
    sign(subject: string, file = subject): Certificate {
      const [certFile, keyFile, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((kind) =>
        join(folder, `${file}.${kind}`),
      ) as [string, string, string, string];
      writeFileSync(
        extensions,
        `subjectAltName=DNS:${subject}${subject === 'localhost' ? ',IP:127.0.0.1' : ''}\n`,
      );
      openssl('req', ...newKey, '-keyout', keyFile, '-out', request, '-subj', `/CN=${subject}`);
      const by = ['-CA', caFile, '-CAkey', caKey, '-CAcreateserial', '-extfile', extensions, '-days', '2'];
      openssl('x509', '-req', '-in', request, '-out', certFile, ...by);
      return { certFile, keyFile };
    },
  };
}
