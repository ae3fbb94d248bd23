/** Compares where the process has died with every place in the source that asks for an effect. */
import { type EffectSite, findEffectSites, nameOf } from './effect-sites.ts';
import type { Side } from './mortal-process.ts';
import { type Swept, sides } from './sweep.ts';

/** Files whose effects the service never asks for while it runs, each with the reason. */
export const leftOut: ReadonlyMap<string, string> = new Map([
  ['store/service-lock.ts', 'it locks a side file for the process, and the kernel unlocks it when that dies'],
  ['store/migrate.ts', 'the service runs on a database that is migrated; upgrades have tests of their own'],
  ['cli/check-nodes.ts', 'an operator runs it, and its jobs have names that no service takes for its own'],
  ['cli/end-check-job.ts', 'it takes these jobs away: test/cli/check-nodes.test.ts loses its answers'],
  ['store/back-up.ts', 'it writes to the copy, which is no backup before it is whole'],
]);

export interface Coverage {
  readonly sites: number;
  /** Sides of sites at which the process has died: two a site, when all are covered. */
  readonly covered: number;
  /** `after controller/claim.ts Claims.#grant: moveAllocation (controller/claim.ts:104:5)`. */
  readonly missing: readonly string[];
  /** Effects without a place in the source: one that effect-sites.ts does not know. */
  readonly unknown: readonly string[];
}

export const findSites = (root: string): readonly EffectSite[] =>
  findEffectSites({ root, leftOut: new Set(leftOut.keys()) });

export function coverageOf(sites: readonly EffectSite[], all: readonly Swept[]): Coverage {
  const died = (side: Side, place: string): boolean => all.some((swept) => swept.died[side].has(place));
  const known = new Set(sites.map(({ place }) => place));
  const missing = sites.flatMap((site) =>
    sides.filter((side) => !died(side, site.place)).map((side) => `${side} ${nameOf(site)} (${site.place})`),
  );
  const unknown = all.flatMap(({ placesOfPoints }) =>
    placesOfPoints
      .filter((places) => !places.some((place) => known.has(place)))
      .map((places) => places.join(' < ')),
  );
  return {
    sites: sites.length,
    covered: sites.length * sides.length - missing.length,
    missing,
    unknown: [...new Set(unknown)],
  };
}
