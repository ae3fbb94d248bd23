import { expect, it } from 'vitest';
import { expandHostlist } from '../../src/domain/hostlist.ts';

it.each([
  ['n1', ['n1']],
  ['n1,n2', ['n1', 'n2']],
  ['n[1-3]', ['n1', 'n2', 'n3']],
  ['n[08-10,2]', ['n08', 'n09', 'n10', 'n2']],
  ['n[1-2]-ib, login', ['n1-ib', 'n2-ib', 'login']],
  ['rack[1-2]n[1-2]', ['rack1n1', 'rack1n2', 'rack2n1', 'rack2n2']],
  ['', []],
] as const)('%s', (text, names) => {
  expect(expandHostlist(text)).toEqual(names);
});

it.each(['feature{ib}', 'n[1-', 'n[a-b]', 'n[3-1]', 'n[1-99999999999]', 'a[1-999]b[1-999]', 'n]1['])(
  '%s is left to Slurm',
  (text) => {
    expect(expandHostlist(text)).toBeNull();
  },
);
