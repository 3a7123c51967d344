// What a secret must hold to be used, and that an error names what is wrong without any of its values.

import { describe, expect, it } from 'vitest';
import { credentialsIn } from '../../src/aws/secret-credentials.ts';

const KEYS = { accessKeyId: 'AKIAMARK', secretAccessKey: 'mark/of+the=secret' };

describe('a secret', () => {
  it.each([
    { name: 'of keys', secret: KEYS, found: { ...KEYS, sessionToken: undefined } },
    {
      name: 'of a session, among other members',
      secret: {
        ...KEYS,
        sessionToken: 'mark+token',
        expiration: '2026-01-31T12:00:00Z',
        userName: 'x',
      },
      found: {
        ...KEYS,
        sessionToken: 'mark+token',
        expiration: new Date(Date.UTC(2026, 0, 31, 12)),
      },
    },
    {
      name: 'with a time of another zone',
      secret: { ...KEYS, expiration: '2026-01-31T12:00:00.5+08:00' },
      found: {
        ...KEYS,
        sessionToken: undefined,
        expiration: new Date(Date.UTC(2026, 0, 31, 4, 0, 0, 500)),
      },
    },
  ])('$name is read', ({ secret, found }) => {
    expect(credentialsIn(JSON.stringify(secret))).toEqual(found);
  });

  it.each([
    ['is binary', undefined, 'it has no text'],
    ['is no JSON', 'AKIAMARK:mark/of+the=secret', 'it is not a JSON object'],
    ['is a list', '["AKIAMARK"]', 'it is not a JSON object'],
    ['is null', 'null', 'it is not a JSON object'],
    ['is empty', '{}', 'it has no accessKeyId, and it has no secretAccessKey'],
    ['has only one key', '{"accessKeyId":"AKIAMARK"}', 'it has no secretAccessKey'],
    [
      'spells its members in another way',
      '{"AccessKeyId":"AKIAMARK","secretAccessKey":"mark"}',
      'it has no accessKeyId',
    ],
    [
      'has a number for a key',
      '{"accessKeyId":424242,"secretAccessKey":"mark"}',
      'its accessKeyId is not an access key ID',
    ],
    [
      'has a line break in a key',
      '{"accessKeyId":"AKIAMARK\\n","secretAccessKey":"mark"}',
      'its accessKeyId is not an access key ID',
    ],
    [
      'has an empty key',
      '{"accessKeyId":"AKIAMARK","secretAccessKey":""}',
      'its secretAccessKey is not text without spaces',
    ],
    [
      'has spaces around a key',
      '{"accessKeyId":"AKIAMARK","secretAccessKey":" mark"}',
      'its secretAccessKey is not text without spaces',
    ],
    [
      'has no text for a token',
      '{"accessKeyId":"AKIAMARK","secretAccessKey":"mark","sessionToken":null}',
      'its sessionToken is not text without spaces',
    ],
    [
      'ends at no time',
      '{"accessKeyId":"AKIAMARK","secretAccessKey":"mark","expiration":"424242"}',
      'its expiration is not a time as 2026-01-31T12:00:00Z',
    ],
    [
      'ends in a month that does not exist',
      '{"accessKeyId":"AKIAMARK","secretAccessKey":"mark","expiration":"2026-13-31T12:00:00Z"}',
      'its expiration is not a time as 2026-01-31T12:00:00Z',
    ],
  ])('an error says that %s', (_, secret, problem) => {
    expect(credentialsIn(secret)).toBe(problem);
  });
});
