/**
 * `gpu:2,gpu:a100:1(S:0),gres/shard:8,tmpdisk:4K` as numbers by name; one with a type counts for its bare name too.
 * Source: https://slurm.schedmd.com/gres.html
 */
export function countGres(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (name: string, count: number): void => void counts.set(name, (counts.get(name) ?? 0) + count);
  for (const entry of text.replaceAll(/\([^)]*\)/g, '').split(',')) {
    const parts = entry
      .trim()
      .replace(/^gres[/:]/, '')
      .split(/[:=]/);
    const [name = '', second, third] = parts;
    if (name === '') continue;
    const last = third ?? second ?? '1';
    const count = countOf(last);
    if (count === null) {
      // A type without a number: one of them.
      add(name, 1);
      add(`${name}:${last}`, 1);
      continue;
    }
    add(name, count);
    if (third !== undefined && second !== undefined) add(`${name}:${second}`, count);
  }
  return counts;
}

const suffixes: Readonly<Record<string, number>> = {
  '': 1,
  K: 1_024,
  M: 1_024 ** 2,
  G: 1_024 ** 3,
  T: 1_024 ** 4,
};

function countOf(text: string): number | null {
  const match = /^(\d+)([KMGT]?)B?$/i.exec(text);
  return match === null ? null : Number(match[1]) * (suffixes[(match[2] ?? '').toUpperCase()] ?? 1);
}
