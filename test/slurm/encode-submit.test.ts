import { expect, it } from 'vitest';
import { submitEncoder } from '../../src/slurm/encode-submit.ts';
import { submitBody } from '../../src/slurm/submit-body.ts';
import { submitRequest } from './submit-request.ts';

it('encodes each body as JSON would, whatever the script and the fields have in them', () => {
  const encode = submitEncoder();
  const scripts = ['#!/bin/sh\necho "hello" \\ \t‘’ \u{1f600}\n', '#!/bin/sh\ntrue\n'];
  for (const name of ['first', 'the "second"', 'der dritte, ü'])
    for (const script of scripts) {
      const body = submitBody({ ...submitRequest(), name, script });
      expect(JSON.parse(encode(body).toString())).toEqual(JSON.parse(JSON.stringify(body)));
    }
});

it('leaves no field twice: one of `extra` does not stand beside the script', () => {
  const profile = { ...submitRequest().profile, extra: { script: 'other', deadline: 5 } };
  const text = submitEncoder()(submitBody({ ...submitRequest(), profile })).toString();
  expect(text.split('"script":')).toHaveLength(2);
  expect(JSON.parse(text).job).toMatchObject({ deadline: 5, script: submitRequest().script });
});
