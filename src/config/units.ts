const durationUnits = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizeUnits = { MiB: 1, GiB: 1_024, TiB: 1_048_576 } as const;

/** `500ms 5s 30m 2h 1d` as milliseconds; null when it is none of that. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  if (match?.[1] === undefined) return null;
  return Math.round(Number(match[1]) * durationUnits[match[2] as keyof typeof durationUnits]);
}

/** `512MiB 2GiB` as mebibytes, rounded up; null when it is none of that. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(MiB|GiB|TiB)$/.exec(text.trim());
  if (match?.[1] === undefined) return null;
  return Math.ceil(Number(match[1]) * sizeUnits[match[2] as keyof typeof sizeUnits]);
}
