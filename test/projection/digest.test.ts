import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { digestOfModule, digestOfRules } from '../../src/projection/digest.ts';

const HASH = {
  attribute: 'email',
  secret: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/hash-AbCdEf',
  versionId: '11111111-aaaa-4aaa-8aaa-111111111111',
};
const KEY = 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';

it('is the same for the same rules in another order of their names', () => {
  const keepItems = { attribute: 'country', equals: { M: { a: { S: 'x' }, b: { S: 'y' } } } };
  const other = { equals: { M: { b: { S: 'y' }, a: { S: 'x' } } }, attribute: 'country' };

  expect(
    digestOfRules({ keepItems, attributes: { drop: ['a'], rename: { b: 'c', d: 'e' } } }),
  ).toBe(
    digestOfRules({ attributes: { rename: { d: 'e', b: 'c' }, drop: ['a'] }, keepItems: other }),
  );
});

it('is another one for other rules, and for another version of the secret', () => {
  const digests = [
    digestOfRules({ attributes: { drop: ['a'] } }),
    digestOfRules({ attributes: { keepOnly: ['a'] } }),
    digestOfRules({ attributes: { drop: ['b'] } }),
    digestOfRules({ keepItems: { attribute: 'a', exists: true } }),
    digestOfRules({ keepItems: { attribute: 'a', exists: false } }),
    digestOfRules({ attributes: { hash: HASH } }),
    digestOfRules({ attributes: { hash: { ...HASH, versionId: 'b'.repeat(36) } } }),
    digestOfRules({ attributes: { hash: { ...HASH, secret: `${HASH.secret}2` } } }),
  ];

  expect(new Set(digests).size).toBe(digests.length);
  expect(digests.every((digest) => /^[0-9a-f]{64}$/.test(digest))).toBe(true);
});

it('does not depend on the key that encrypts the secret, or on how a single hash is written', () => {
  expect(digestOfRules({ attributes: { hash: [{ ...HASH, kmsKeyArn: KEY }] } })).toBe(
    digestOfRules({ attributes: { hash: HASH } }),
  );
});

it("is the same in every release: a stored digest is compared with the next release's", () => {
  const rules = {
    keepItems: { attribute: 'country', in: [{ S: 'de' }] },
    attributes: { drop: ['photo'], hash: HASH, set: { from: { S: 'us' } } },
  };

  expect(digestOfRules(rules)).toMatchInlineSnapshot(
    `"cfafb5c2c7c05d9ed6d82de74ae917d897b29ffc9dac52b16d74862c78e0d64d"`,
  );
});

it("is the SHA-256 of a module's bytes", () => {
  const bytes = Buffer.from('export const project = (item) => item;\n');

  expect(digestOfModule(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
});
