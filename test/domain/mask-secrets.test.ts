import fc from 'fast-check';
import { expect, it } from 'vitest';
import { maskSecrets } from '../../src/domain/mask-secrets.ts';

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdW4iOiJnaGEifQ.c2lnbmF0dXJlLW9mLWl0';

it.each([
  ['a classic token ghp_abcdefghijklmnopqrstuvwxyz0123456789', 'a classic token ***'],
  ['ghs_16C7e42F292c6912E7710c838347Ae178B4a,', '***,'],
  ['github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz', '***'],
  [`SLURM_JWT=${jwt}`, 'SLURM_JWT=***'],
  ['> Authorization: Bearer abc', '> Authorization: Bearer ***'],
  ['X-SLURM-USER-TOKEN: abc', 'X-SLURM-USER-TOKEN: ***'],
  ['{"authorization": "token abc"}', '{"authorization": "token ***"}'],
  ['https://user:hunter2@proxy.example:3128/', 'https://user:***@proxy.example:3128/'],
  ['DB_PASSWORD=hunter2 next', 'DB_PASSWORD=*** next'],
  ['"api_key": "abc"', '"api_key": "***"'],
  [`config ${'QUJD'.repeat(60)}==`, 'config ***'],
  ['\u001b[1;31mred\u001b[0m \u0007bell\r\n\ttab', 'red bell\n\ttab'],
])('%j', (text, masked) => {
  expect(maskSecrets(text)).toBe(masked);
});

it('leaves what people need', () => {
  const text = [
    'gha-slurm: pulling docker://ghcr.io/acme/runner@sha256:4b0e4a3c6f1a4b0e4a3c6f1a4b0e4a3c6f1a4b0e4a3c6f1a4b0e4a3c6f1a4b0e',
    '/var/tmp/gha-slurm-images-1000/0123456789abcdef.sif: No space left on device',
    'An error occurred: Not configured. Run Config.(sh/cmd) to configure the runner.',
    'failed to start daemon: error initializing graphdriver: driver not supported: overlay2',
  ].join('\n');
  expect(maskSecrets(text)).toBe(text);
});

it('what it has masked it leaves alone', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const once = maskSecrets(text);
      expect(maskSecrets(once)).toBe(once);
    }),
  );
});
