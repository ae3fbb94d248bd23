import { describe, expect, it } from 'vitest';
import { type Description, responseSchemas, type Schema } from './response-schemas.ts';

const reference = { $ref: '#/components/schemas/thing' };
const route = { method: 'GET', path: '/things/{id}' } as const;

function describedWith(thing: Schema): Description {
  return {
    paths: {
      '/things/{id}': {
        get: {
          responses: {
            '200': { content: { 'application/json': { schema: reference } } },
            '204': {},
            '404': { $ref: '#/components/responses/none' },
          },
        },
      },
      '/others': { get: { responses: {} } },
    },
    components: {
      schemas: { thing, part: { type: 'string' }, unused: { type: 'string' } },
      responses: { none: { content: { 'application/json': { schema: { type: 'object' } } } } },
    },
  };
}

const thingOf = (thing: Schema): Schema | undefined =>
  responseSchemas(describedWith(thing), [route]).components.schemas['thing'];

describe('responseSchemas', () => {
  it('takes the wanted routes, each status of them, and only the schemas that they reach', () => {
    const thing = { type: 'object', properties: { part: { $ref: '#/components/schemas/part' } } };
    expect(responseSchemas(describedWith(thing), [route])).toEqual({
      responses: { 'GET /things/{id}': { 200: reference, 204: null, 404: { type: 'object' } } },
      components: { schemas: { part: { type: 'string' }, thing } },
    });
  });

  it('makes null a type and a value where GitHub says nullable', () => {
    const nullable = { type: 'string', nullable: true };
    const properties = {
      text: nullable,
      word: { ...nullable, enum: ['a'] },
      has: { ...nullable, enum: [null] },
    };
    expect(thingOf({ type: 'object', nullable: true, properties })).toEqual({
      type: ['object', 'null'],
      properties: {
        text: { type: ['string', 'null'] },
        word: { type: ['string', 'null'], enum: ['a', null] },
        has: { type: ['string', 'null'], enum: [null] },
      },
    });
  });

  it('leaves out prose, but no property of that name', () => {
    const prose = { title: 'A', description: 'B', example: { c: 1 }, default: 1, deprecated: true };
    const properties = { title: { type: 'string', ...prose }, description: { type: 'string' } };
    expect(thingOf({ ...prose, type: 'object', properties })).toEqual({
      type: 'object',
      properties: { title: { type: 'string' }, description: { type: 'string' } },
    });
  });

  it('puts keys in order, so that the same description gives the same text', () => {
    const one = {
      type: 'object',
      required: ['b', 'a'],
      properties: { b: { type: 'string' }, a: { type: 'integer' } },
    };
    const other = {
      properties: { a: { type: 'integer' }, b: { type: 'string' } },
      required: ['b', 'a'],
      type: 'object',
    };
    expect(JSON.stringify(thingOf(one))).toBe(JSON.stringify(thingOf(other)));
    expect(JSON.stringify(thingOf(one))).toMatch(/^\{"properties":\{"a":.*"required":\["b","a"\],"type":/);
  });

  it('goes into items and further properties', () => {
    const nullable = { type: 'string', nullable: true };
    expect(thingOf({ type: 'object', additionalProperties: { type: 'array', items: nullable } })).toEqual({
      type: 'object',
      additionalProperties: { type: 'array', items: { type: ['string', 'null'] } },
    });
    expect(thingOf({ type: 'object', additionalProperties: false })).toMatchObject({
      additionalProperties: false,
    });
  });

  it.each([
    ['a keyword that it does not know', { allOf: [] }, 'not understood yet: thing/allOf'],
    ['null without a type', { nullable: true, enum: ['a'] }, 'Nullable without a type: thing'],
    ['a schema that is not there', { $ref: '#/components/schemas/lost' }, 'lacks its own schema lost'],
  ])('refuses %s, and says where', (_, thing, message) => {
    expect(() => thingOf(thing)).toThrow(message);
  });

  it('refuses a route that GitHub does not describe', () => {
    const post = { method: 'POST', path: '/things/{id}' };
    expect(() => responseSchemas(describedWith({ type: 'string' }), [post])).toThrow(
      'describe POST /things/{id}',
    );
  });
});
