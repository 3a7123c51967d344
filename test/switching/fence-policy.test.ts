// What becomes of a table's resource policy: Ferry's statements in it, and all others as they were.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policyWith, type PolicyWish, statementsOf } from '../../src/switching/fence-policy.ts';
import { isDenied, TABLE_ARN } from './policy-cloud.ts';

const ROLE = 'arn:aws:iam::111122223333:role';
const APPLICATION = `${ROLE}/checkout`;
const INBOUND = `${ROLE}/ferry-orders-replicate`;
const OPERATOR = `${ROLE}/operator`;
const raise: PolicyWish = { tableArn: TABLE_ARN, tag: 'run-1', fence: [INBOUND, OPERATOR] };
const lower: PolicyWish = { tableArn: TABLE_ARN, tag: 'run-1', fence: 'none' };
const refuse: PolicyWish = { tableArn: TABLE_ARN, tag: 'run-1', inbound: [INBOUND] };
const admit: PolicyWish = { tableArn: TABLE_ARN, tag: 'run-1', inbound: 'none' };
const put = (policy: string | undefined, principal: string) =>
  isDenied(policy, principal, 'dynamodb:PutItem');

const FOREIGN = {
  Sid: 'ReadersOfAnotherAccount',
  Effect: 'Allow',
  Principal: { AWS: 'arn:aws:iam::444455556666:root' },
  Action: 'dynamodb:GetItem',
  Resource: TABLE_ARN,
};
const foreign = (statement: object = FOREIGN) =>
  JSON.stringify({ Version: '2012-10-17', Id: 'ours', Statement: statement });

describe('of a table without a policy', () => {
  it('the fence refuses every write but those of the exempt roles', () => {
    const policy = policyWith(undefined, raise);

    expect(put(policy, APPLICATION)).toBe(true);
    expect([INBOUND, OPERATOR].map((role) => put(policy, role))).toEqual([false, false]);
    const { Statement } = JSON.parse(policy ?? '') as { Statement: Array<{ Action: string[] }> };
    expect(Statement[0]?.Action.map((action) => action.split(':')[1])).toEqual([
      'PutItem',
      'UpdateItem',
      'DeleteItem',
      'BatchWriteItem',
      'PartiQLInsert',
      'PartiQLUpdate',
      'PartiQLDelete',
    ]);
  });

  it('the second statement refuses the functions that replicate to it, and no other role', () => {
    const policy = policyWith(undefined, refuse);

    expect(put(policy, INBOUND)).toBe(true);
    expect([APPLICATION, OPERATOR].map((role) => put(policy, role))).toEqual([false, false]);
  });

  it('nothing is left once both are gone', () => {
    const both = policyWith(policyWith(undefined, raise), refuse);
    expect(statementsOf(both, TABLE_ARN)).toEqual(['FerryFence', 'FerryInbound']);

    expect(policyWith(both, { ...lower, ...admit })).toBeUndefined();
    expect(policyWith(undefined, lower)).toBeUndefined();
  });
});

describe('of a table with a policy of its owner', () => {
  it('a single statement that stands without a list stays the first of two', () => {
    const policy = policyWith(foreign(), raise) ?? '';

    const parsed = JSON.parse(policy) as { Version: string; Id: string; Statement: object[] };
    expect([parsed.Version, parsed.Id]).toEqual(['2012-10-17', 'ours']);
    expect(parsed.Statement[0]).toEqual(FOREIGN);
    expect(statementsOf(policy, TABLE_ARN)).toEqual(['FerryFence']);
  });

  it('statements keep their order, whatever they are made of', () => {
    const own = {
      ...FOREIGN,
      Sid: 'Own',
      Condition: { StringLike: { 'aws:UserAgent': 'a " é  b' } },
    };
    const policy = `{ "Statement": [ ${JSON.stringify(own)},\n  ${JSON.stringify(FOREIGN)} ] }`;

    const raised = policyWith(policy, raise) ?? '';
    const lowered = policyWith(raised, lower);

    const others = `{"Statement":[${JSON.stringify(own)},${JSON.stringify(FOREIGN)}`;
    expect(raised.startsWith(`${others},{"Sid":"FerryFence`)).toBe(true);
    expect(lowered).toBe(`${others}]}`);
  });

  it('whatever the statements are, they are the same after a fence has come and gone', () => {
    const statement = fc.record({
      Sid: fc.string(),
      Effect: fc.constant('Allow'),
      Condition: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.array(statement, { minLength: 1 }), fc.nat(6), (list, space) => {
        const text = JSON.stringify({ Version: '2012-10-17', Statement: list }, undefined, space);

        const gone = policyWith(policyWith(policyWith(text, raise), refuse), {
          ...lower,
          ...admit,
        });

        expect(JSON.parse(gone ?? '')).toEqual(JSON.parse(text));
      }),
    );
  });
});

describe('repeated', () => {
  it('by the same run, it changes nothing', () => {
    const policy = policyWith(foreign([FOREIGN]), raise);

    expect(policyWith(policy, raise)).toBe(policy);
    expect(policyWith(foreign(), lower)).toBe(foreign());
    expect(policyWith(foreign(), { tableArn: TABLE_ARN, tag: 'run-1' })).toBe(foreign());
  });

  it('by another run, it is another policy with the same effect, in the same place', () => {
    const policy = policyWith(policyWith(undefined, raise), refuse);

    const again = policyWith(policy, { ...raise, tag: 'run-2' });

    expect(again).not.toBe(policy);
    expect(statementsOf(again, TABLE_ARN)).toEqual(['FerryFence', 'FerryInbound']);
    expect(put(again, APPLICATION)).toBe(true);
    expect(again).toContain('"FerryFencerun2"');
    expect(again).not.toContain('"FerryFencerun1"');
  });
});

describe('refused, as a wrong use of the command', () => {
  const codeOf = (policy: string, wish = raise) => {
    try {
      policyWith(policy, wish);
    } catch (error) {
      return error as { name: string; code: string; message: string };
    }
    throw new Error('not refused');
  };

  it('a policy that would have more than 20 KB, with what it has now', () => {
    const long = foreign([{ ...FOREIGN, Sid: 'x'.repeat(20_000) }]);

    const error = codeOf(long);

    expect(error).toMatchObject({ name: 'UsageError', code: 'fence.size' });
    expect(error.message).toContain(`it has ${Buffer.byteLength(long)} bytes now`);
    expect(error.message).toContain('DynamoDB allows 20480');
  });

  it('counts bytes, and the spaces that it leaves out do not count any more', () => {
    const spaced = (spaces: number, sid: string) =>
      `{"Version":"2012-10-17",${' '.repeat(spaces)}"Statement":[${JSON.stringify({ ...FOREIGN, Sid: sid })}]}`;

    expect(codeOf(spaced(0, 'é'.repeat(10_000))).code).toBe('fence.size');
    expect(policyWith(spaced(19_000, 'short'), raise)?.length).toBeLessThan(2_000);
  });

  it('one that is larger already can still lose the fence', () => {
    const raised = policyWith(foreign([FOREIGN]), raise) ?? '';
    const grown = raised.replace('ReadersOfAnotherAccount', 'x'.repeat(19_500));

    expect(policyWith(grown, lower)?.length).toBeLessThan(20_480);
  });

  it.each([
    ['that is not JSON', '{"Statement":', /cannot be read as JSON: line 1/],
    [
      'that says a thing twice',
      '{"Statement":[],"Statement":[]}',
      /cannot be read as JSON: .*Statement/,
    ],
    [
      'with a number that would be another',
      `{"Statement":{"N":${'9'.repeat(20)}}}`,
      /15 significant/,
    ],
    ['without statements', '{"Version":"2012-10-17"}', /has no statements/],
    ['that is no object', 'null', /has no statements/],
  ])('a policy %s', (_, policy, message) => {
    expect(codeOf(policy)).toMatchObject({ name: 'UsageError', code: 'fence.policy' });
    expect(codeOf(policy).message).toMatch(message);
  });

  it.each([
    { ...FOREIGN, Sid: 'FerryFence' },
    { ...FOREIGN, Sid: 'FerryInbound7', Effect: 'Deny' },
    {
      ...FOREIGN,
      Sid: 'FerryFence',
      Effect: 'Deny',
      Condition: { ArnNotEquals: { 'aws:SourceArn': 'x' } },
    },
    {
      ...FOREIGN,
      Sid: 'FerryFence',
      Effect: 'Deny',
      Condition: {
        ArnNotEquals: { 'aws:PrincipalArn': 'x' },
        Bool: { 'aws:SecureTransport': 'false' },
      },
    },
  ])('a foreign statement under a name of Ferry’s, %#', (statement) => {
    const error = codeOf(foreign([statement]), lower);

    expect(error).toMatchObject({ name: 'UsageError', code: 'fence.policy' });
    expect(error.message).toContain(`the statement ${statement.Sid} in it is not one of Ferry's`);
  });

  it('but a name that only begins alike is left alone', () => {
    expect(policyWith(foreign([{ ...FOREIGN, Sid: 'FerryFence-of-ours' }]), lower)).toContain(
      'of-ours',
    );
  });
});
