// Whose credentials a command has at each side, by the settings alone.

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { identityText, operatorIdentities, reachOf } from '../../src/config/identity.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';

const SECRET = 'arn:aws:secretsmanager:us-east-1:111111111111:secret:ferry/china-AbCdEf';
const OPERATOR = 'arn:aws:iam::111111111111:role/ferry-orders-operator';

interface Settings {
  readonly source?: object;
  readonly destination?: object;
  readonly operatorRole?: boolean;
}

function replicationOf({ source, destination, ...settings }: Settings): ReplicationConfig {
  const streamArn = `arn:aws:dynamodb:us-east-1:111111111111:table/Orders/stream/2026-01-31T12:00:00.000`;
  const [replication] = parseConfig({
    replications: [
      {
        name: 'orders',
        source: { region: 'us-east-1', table: 'Orders', streamArn, ...source },
        destination: { region: 'eu-west-1', table: 'Orders', ...destination },
        ...settings,
      },
    ],
  }).replications;
  return replication!;
}

/** As a sentence names them: of the source, of the destination. */
function texts(settings: Settings, apply = false): string[] {
  const { source, destination } = operatorIdentities(replicationOf(settings), apply);
  return [identityText(source), identityText(destination)];
}

const FOUND = 'the credentials that the AWS SDK finds';
const here = { account: '111111111111' };
const there = { account: '222222222222' };

describe('the credentials of a command', () => {
  it('are those that the SDK finds, where nothing is named', () => {
    expect(texts({})).toEqual([FOUND, FOUND]);
    expect(texts({ source: here, destination: there })).toEqual([FOUND, FOUND]);
  });

  it('are those of the profile of each side', () => {
    const settings = { source: { profile: 'orders' }, destination: { profile: 'recovery' } };

    expect(texts(settings)).toEqual(['the profile "orders"', 'the profile "recovery"']);
    expect(texts({ destination: { profile: 'recovery' } })).toEqual([
      FOUND,
      'the profile "recovery"',
    ]);
  });

  it('are those of the operators’ role, which may change something with --apply only', () => {
    const settings = { source: here, destination: here, operatorRole: true };
    const [read, write] = [`${OPERATOR}-read`, OPERATOR].map(
      (arn) => `the role ${arn}, assumed with ${FOUND}`,
    );

    expect(texts(settings)).toEqual([read, read]);
    expect(texts(settings, true)).toEqual([write, write]);
  });

  it('are those of a role of the other account, assumed by the operators’ role', () => {
    const settings = { source: here, destination: there, operatorRole: true };
    const role = (name: string) => `the role arn:aws:iam::222222222222:role/ferry-orders-${name}`;

    expect(texts(settings)[1]).toBe(
      `${role('reader')}, assumed with the role ${OPERATOR}-read, assumed with ${FOUND}`,
    );
    expect(texts(settings, true)[1]).toBe(
      `${role('writer')}, assumed with the role ${OPERATOR}, assumed with ${FOUND}`,
    );
  });

  it('are those of a profile before any role, which the source’s profile assumes', () => {
    const source = { ...here, profile: 'orders' };
    const settings = { source, destination: here, operatorRole: true };

    expect(texts(settings)).toEqual([
      'the profile "orders"',
      `the role ${OPERATOR}-read, assumed with the profile "orders"`,
    ]);
  });

  it('are those of the secret in another partition, unless a profile is named', () => {
    const credentials = { secret: SECRET };
    const destination = { region: 'cn-north-1', ...there, credentials };
    const source = { ...here, profile: 'orders' };

    expect(texts({ source, destination })[1]).toBe(
      `the secret ${SECRET}, read with the profile "orders"`,
    );
    expect(texts({ source, destination: { ...destination, profile: 'china' } })[1]).toBe(
      'the profile "china"',
    );
  });

  it('are any at an emulator of another partition', () => {
    const destination = { region: 'cn-north-1', endpoint: 'http://127.0.0.1:8000' };

    expect(texts({ destination })).toEqual([FOUND, FOUND]);
  });
});

it('is named where a setting has chosen it', () => {
  const { source, destination } = operatorIdentities(
    replicationOf({ destination: { profile: 'recovery' } }),
    false,
  );

  expect(reachOf('source', source)).toBeUndefined();
  expect(reachOf('destination', destination)).toBe('the destination by the profile "recovery"');
});
