import { describe, expect, it } from 'vitest';
import {
  type MessageAttribute,
  checkContent,
  md5OfAttributes,
  selectAttributes,
} from '../../../src/local/sqs/message.ts';

const check = (attributes: Readonly<Record<string, MessageAttribute>>, body = 'a') =>
  checkContent({ body, attributes: new Map(Object.entries(attributes)) });

const text = (StringValue: string, DataType = 'String') => ({ DataType, StringValue });

describe('md5OfAttributes', () => {
  // As the service computed them for these very attributes.
  it.each<[string, string, Readonly<Record<string, MessageAttribute>>]>([
    ['ae7155c6026991b6d54b11589678bf9c', 'a text', { Foo: text('Bar') }],
    [
      '235c5c510d26fb653d073faed50ae77c',
      'a number',
      { timestamp: text('1493147359900', 'Number') },
    ],
    [
      '8cbe4db156db8a94db8b801b7addb984',
      'bytes',
      {
        attr1: {
          DataType: 'Binary',
          BinaryValue: Buffer.from(
            'traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01',
          ).toString('base64'),
        },
      },
    ],
    [
      '4c360f3fdafd970e05fae2f149d997f5',
      'several, whatever their order',
      { 'Help.Me': text('Me'), Hello: text('There'), General: text('Kenobi') },
    ],
  ])('is %s for %s', (digest, _, attributes) => {
    expect(md5OfAttributes(new Map(Object.entries(attributes)))).toBe(digest);
  });
});

describe('selectAttributes', () => {
  const attributes = new Map(['Hello', 'Help.Me', 'General'].map((name) => [name, text('a')]));

  it.each([
    [[], []],
    [['All'], ['Hello', 'Help.Me', 'General']],
    [['.*'], ['Hello', 'Help.Me', 'General']],
    [['Hel.*'], ['Hello', 'Help.Me']],
    [['General', 'Hel'], ['General']],
  ])('answers %j with %j', (wanted, names) => {
    expect([...selectAttributes(attributes, wanted).keys()]).toEqual(names);
  });
});

describe('checkContent', () => {
  it.each(['\uD800', '\uDC00', 'a\uD83D'])('refuses half of a surrogate pair: %j', (body) => {
    expect(() => check({}, body)).toThrow(
      expect.objectContaining({ name: 'InvalidMessageContents' }),
    );
  });

  it.each<[string, Readonly<Record<string, MessageAttribute>>]>([
    ['a reserved prefix', { 'aWs.x': text('a') }],
    ['another reserved prefix', { 'Amazon.x': text('a') }],
    ['a period at the start', { '.x': text('a') }],
    ['a period at the end', { 'x.': text('a') }],
    ['two periods in a row', { 'x..y': text('a') }],
    ['a character that names must not have', { 'x!': text('a') }],
    ['a name of 257 characters', { ['x'.repeat(257)]: text('a') }],
    ['an empty name', { '': text('a') }],
    ['no value', { x: text('') }],
    ['an unknown type', { x: text('a', 'Text') }],
    ['a text for bytes', { x: text('a', 'Binary') }],
    ['a number that is none', { x: text('twelve', 'Number') }],
    ['a refused character', { x: text('\u0008') }],
    [
      'eleven attributes',
      Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`x${i}`, text('a')])),
    ],
  ])('refuses attributes with %s', (_, attributes) => {
    expect(() => check(attributes)).toThrow(
      expect.objectContaining({ queryCode: 'InvalidParameterValue' }),
    );
  });

  it('takes ten attributes of every kind', () => {
    const attributes: Record<string, MessageAttribute> = {
      'attr.1-øßä_': text('a'),
      ['x'.repeat(256)]: text('-1.5e3', 'Number.float'),
      bytes: { DataType: 'Binary.png', BinaryValue: 'AAEC' },
    };
    for (let i = 3; i < 10; i += 1) attributes[`x${i}`] = text('a');

    expect(() => check(attributes)).not.toThrow();
  });
});
