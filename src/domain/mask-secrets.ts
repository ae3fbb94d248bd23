/**
 * Text that a program printed, fit to be kept and shown: what looks like a secret is masked, and what a terminal would obey is
 * left out.
 */

/** Each with what stays of it. GitHub's forms: https://github.blog/engineering/behind-githubs-new-authentication-token-formats */
const secrets: readonly (readonly [RegExp, string])[] = [
  [/\bgh[pousr]_[A-Za-z0-9]{16,}/g, ''],
  [/\bgithub_pat_\w{16,}/g, ''],
  // A JSON Web Token: Slurm's, and those of GitHub's own services.
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, ''],
  [
    /((?:authorization|x-slurm-user-token)["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token)\s+)?)[^\s"']+/gi,
    '$1',
  ],
  [/(\bbearer\s+)[^\s"']+/gi, '$1'],
  [/(:\/\/[^\s:@/]*:)[^\s@/]+(?=@)/g, '$1'],
  [/(\b\w*(?:token|password|passwd|secret|api_?key)["']?\s*[=:]\s*["']?)[^\s"']+/gi, '$1'],
  // The configuration of a runner, and keys.
  [/[A-Za-z0-9+/_-]{160,}={0,2}/g, ''],
];

const mask = '***';

export function maskSecrets(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  const plain = text.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
  return secrets.reduce((masked, [pattern, rest]) => masked.replaceAll(pattern, `${rest}${mask}`), plain);
}
