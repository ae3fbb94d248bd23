import { expect, it } from 'vitest';
import { parseDuration, parseSize } from '../../src/config/units.ts';

it.each([
  ['500ms', 500],
  ['5s', 5_000],
  ['30m', 1_800_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['1.5h', 5_400_000],
  ['5', null],
  ['5 s', null],
  ['-5s', null],
  ['5S', null],
  ['', null],
])('the duration %s is %s ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

it.each([
  ['512MiB', 512],
  ['2GiB', 2_048],
  ['1TiB', 1_048_576],
  ['0.5GiB', 512],
  ['2GB', null],
  ['2', null],
  ['2G', null],
])('the size %s is %s MiB', (text, mebibytes) => {
  expect(parseSize(text)).toBe(mebibytes);
});
