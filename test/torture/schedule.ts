/** Random schedules of events, which shrink. */
import fc from 'fast-check';
import { slurmEnds } from '../../src/domain/slurm-ends.ts';
import { gitHubFailures } from '../controller/in-process-github.ts';
import { slurmFailures } from '../controller/in-process-slurm.ts';
import { gitHubCalls, type Side, slurmCalls, type WorldEvent } from './events.ts';
import { happenings } from './meanwhile.ts';

export type Kind = WorldEvent['kind'];
type EventOf<K extends Kind> = WorldEvent extends infer Event
  ? Event extends { readonly kind: Kind }
    ? K extends Event['kind']
      ? Event
      : never
    : never
  : never;

/** Kinds that are told by the same things. */
interface Group {
  readonly weight: number;
  readonly kinds: readonly Kind[];
  readonly ofKinds: (kinds: readonly Kind[]) => fc.Arbitrary<WorldEvent>;
}

function group<K extends Kind>(
  weight: number,
  kinds: readonly K[],
  rest: { [Key in Exclude<keyof EventOf<K>, 'kind'>]: fc.Arbitrary<EventOf<K>[Key]> },
): Group {
  return {
    weight,
    kinds,
    ofKinds: (chosen) =>
      fc.record({ kind: fc.constantFrom(...chosen), ...rest }) as unknown as fc.Arbitrary<WorldEvent>,
  };
}

const side = fc.constantFrom<Side[]>('before', 'after', 'late', 'twice', 'partial');
const keysOf = <Key extends string>(all: Readonly<Record<Key, unknown>>): Key[] => Object.keys(all) as Key[];
/** Every end that is not the batch script's own. */
const endsOtherwise = keysOf(slurmEnds).filter((state) => state !== 'COMPLETED');
const times = fc.integer({ min: 1, max: 6 });

const groups: readonly Group[] = [
  group(4, ['queue'], {
    count: fc.integer({ min: 1, max: 4 }),
    label: fc.constantFrom('slurm-small', 'slurm-large'),
  }),
  group(3, ['cancel', 'drop', 'nodeFail', 'flagRequeued', 'requeue', 'deleteRunner', 'lag', 'hang'], {
    which: fc.nat(9),
  }),
  // What users and limits do more often than what nodes do.
  group(1, ['slurmEnd'], {
    which: fc.nat(9),
    state: fc.constantFrom(...endsOtherwise, 'CANCELLED', 'CANCELLED', 'TIMEOUT', 'TIMEOUT'),
  }),
  group(3, ['thief', 'rerun', 'kill', 'start', 'forget', 'reuse'], {}),
  group(2, ['backUp', 'restore'], {}),
  group(3, ['crashAt'], { point: fc.nat(60), side: fc.constantFrom('before', 'after') }),
  group(3, ['slurm'], {
    // Submits more often than the rest: what is lost there could become two.
    call: fc.constantFrom(...slurmCalls, 'submit', 'submit'),
    side,
    // What leaves in doubt more often than what is certain.
    failure: fc.constantFrom(...keysOf(slurmFailures), 'timeout', 'timeout'),
    times,
  }),
  group(3, ['github'], {
    call: fc.constantFrom(...gitHubCalls),
    side,
    failure: fc.constantFrom(...keysOf(gitHubFailures), 'unavailable', 'unavailable'),
    times,
  }),
  group(5, ['slow'], {
    // What makes something more often than what looks.
    call: fc.constantFrom(...slurmCalls, ...gitHubCalls, 'submit', 'submit', 'mint', 'mint', 'deregister'),
    when: fc.constantFrom('before', 'after'),
    meanwhile: fc.array(fc.constantFrom(...happenings), { minLength: 1, maxLength: 3 }),
    times: fc.integer({ min: 1, max: 4 }),
  }),
  group(2, ['slots', 'loseAnswers', 'breakRunners', 'linger', 'unfit'], { count: fc.nat(3) }),
  group(2, ['stopSlurm', 'stopGitHub', 'refuse', 'fillDisk'], { count: fc.integer({ min: 1, max: 40 }) }),
  group(1, ['withhold'], { on: fc.boolean() }),
  // Less than the day after which GitHub gives a job up.
  group(2, ['setClock'], { hours: fc.constantFrom(-6, -2, 1, 5) }),
  group(1, ['mailbox'], {}),
  // In minutes: claims are given up after fifteen.
  group(1, ['cutOff'], { count: fc.integer({ min: 1, max: 60 }) }),
  group(1, ['minutes'], { count: fc.integer({ min: 1, max: 20 }) }),
  group(5, ['steps'], { count: fc.integer({ min: 1, max: 8 }) }),
];

/** One event of these kinds, or of any. */
export function eventOf(kinds?: readonly Kind[]): fc.Arbitrary<WorldEvent> {
  const events = groups.flatMap(({ weight, kinds: all, ofKinds }) => {
    const chosen = all.filter((kind) => kinds?.includes(kind) ?? true);
    return chosen.length === 0 ? [] : { weight, arbitrary: ofKinds(chosen) };
  });
  return fc.oneof(...events);
}

/** Schedules of these kinds of events, or of all. */
export function scheduleOf(kinds?: readonly Kind[]): fc.Arbitrary<readonly WorldEvent[]> {
  return fc.array(eventOf(kinds), { minLength: 2, maxLength: 24 });
}
