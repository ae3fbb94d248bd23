/** Above this Slurm's own limit (`MAX_SLURM_NODES`, 65,536) is passed, so that nothing real is. */
const mostNames = 65_536;

/**
 * The names in a list of Slurm's: `n1,rack[1-2]n[01-04,07]` has commas, ranges and padded numbers.
 * @returns null for what is not understood here, as the functions of newer releases (`feature{ib}`).
 */
export function expandHostlist(text: string): string[] | null {
  const names: string[] = [];
  for (const entry of entriesOf(text)) {
    const expanded = expandEntry(entry);
    if (expanded === null || names.length + expanded.length > mostNames) return null;
    names.push(...expanded);
  }
  return names;
}

/** At the commas outside of brackets. */
function entriesOf(text: string): string[] {
  return text
    .split(/,(?![^[\]]*\])/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function expandEntry(entry: string): string[] | null {
  const [, before = '', ranges, after = ''] = /^([^[\]]*)\[([^[\]]*)\](.*)$/.exec(entry) ?? [];
  if (ranges === undefined) return /^[\w.-]+$/.test(entry) ? [entry] : null;
  const rest = after === '' ? [''] : expandEntry(after);
  if (rest === null || !/^[\w.-]*$/.test(before)) return null;
  const numbers: string[] = [];
  for (const range of ranges.split(',')) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range.trim()) ?? [];
    if (first === undefined || last === undefined) return null;
    const count = Number(last) - Number(first) + 1;
    if (count < 1 || (numbers.length + count) * rest.length > mostNames) return null;
    for (let number = Number(first); number <= Number(last); number += 1)
      numbers.push(String(number).padStart(first.length, '0'));
  }
  return numbers.flatMap((number) => rest.map((end) => `${before}${number}${end}`));
}
