// Which credentials the commands send to which side: two embedded engines behind gates that know access keys, and
// stand-ins for AWS STS and Secrets Manager.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { operatorSides } from '../../src/composition/operator-access.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import {
  type Gate,
  type KeyCloud,
  newKeys,
  openGate,
  openKeyCloud,
} from '../fixtures/key-cloud.ts';
import { openMonitoringCloud } from '../fixtures/monitoring-cloud.ts';
import { contents, openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

const [HERE, THERE] = ['111111111111', '222222222222'];
const ITEMS = Array.from({ length: 300 }, (_, n) => ({ pk: { S: `order-${n}` } }));

let two: TwoRegions;
let cloud: KeyCloud;
let source: Gate;
let destination: Gate;
let folder = '';

beforeAll(async () => {
  two = await openTwoRegions();
  await putAll(two.source, 'Orders', ITEMS.slice(0, 2));
});
afterAll(() => two.close());

beforeEach(async () => {
  cloud = await openKeyCloud();
  source = await openGate(two.source.endpoint, cloud.state);
  destination = await openGate(two.destination.endpoint, cloud.state);
  folder = mkdtempSync(join(tmpdir(), 'ferry-access-'));
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'credentials'));
  for (const [name, value] of Object.entries(cloud.variables)) vi.stubEnv(name, value);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
  await Promise.all([cloud, source, destination].map((one) => one.close()));
});

interface Settings {
  readonly source?: object;
  readonly destination?: object;
  readonly operatorRole?: boolean;
  readonly bulk?: boolean;
}

async function ferry(settings: Settings, ...args: readonly string[]) {
  const config = join(folder, 'ferry.json');
  const { streamArn } = two;
  const replication = {
    name: 'orders',
    ...settings,
    source: {
      region: 'us-east-1',
      table: 'Orders',
      streamArn,
      endpoint: source.endpoint,
      ...settings.source,
    },
    destination: {
      region: 'eu-west-1',
      table: 'Orders',
      endpoint: destination.endpoint,
      ...settings.destination,
    },
  };
  writeFileSync(config, JSON.stringify({ replications: [replication] }));
  const [out, err]: [string[], string[]] = [[], []];
  const exitCode = await main([...args, '--config', config], {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    status: () => undefined,
    isTerminal: false,
    // Of this call: what is found out about credentials is kept with it.
    environment: { ...process.env },
    interrupted: new AbortController().signal,
  });
  return { exitCode, out: out.join('\n'), err: err.join('\n') };
}

/** A comparison of both tables; before the backfill, they are different. */
const verify = (settings: Settings) =>
  ferry(settings, 'verify', '--settle', '0', '--report', join(folder, `${Math.random()}.jsonl`));

const keysAt = ({ seen }: Gate) => [...seen.keys()];

/** Profiles with keys of an account each; keys that are not named are no keys of anybody. */
function profiles(
  ...named: ReadonlyArray<readonly [profile: string, key: string, account: string]>
) {
  const lines = named.flatMap(([profile, key, account]) => {
    cloud.state.valid.add(key);
    cloud.state.accounts.set(key, account);
    return [`[${profile}]`, `aws_access_key_id = ${key}`, 'aws_secret_access_key = s', ''];
  });
  writeFileSync(join(folder, 'credentials'), lines.join('\n'));
}

const role = (account: string, name: string) => `arn:aws:iam::${account}:role/ferry-orders-${name}`;
const accounts = { source: { account: HERE }, destination: { account: THERE } };

describe('each side gets its own credentials', () => {
  it('which are those that the SDK finds, without asking STS', async () => {
    expect((await verify({})).exitCode).toBe(3);
    expect([keysAt(source), keysAt(destination)]).toEqual([['AKIAOWN'], ['AKIAOWN']]);
    expect(cloud.state.calls).toEqual([]);
  });

  it('of its profile', async () => {
    profiles(['orders', 'AKIASOURCE', HERE], ['recovery', 'AKIATWIN', THERE]);
    const settings = {
      source: { account: HERE, profile: 'orders' },
      destination: { account: THERE, profile: 'recovery' },
    };

    expect((await verify(settings)).exitCode).toBe(3);
    expect([keysAt(source), keysAt(destination)]).toEqual([['AKIASOURCE'], ['AKIATWIN']]);
    expect(cloud.state.calls).toEqual(['sts:GetCallerIdentity', 'sts:GetCallerIdentity']);
  });

  it('of a profile that assumes a role', async () => {
    profiles(['orders', 'AKIASOURCE', HERE]);
    const twinRole = `arn:aws:iam::${THERE}:role/recovery`;
    cloud.state.roles.add(twinRole);
    writeFileSync(
      join(folder, 'config'),
      `[profile recovery]\nrole_arn = ${twinRole}\nsource_profile = orders\n`,
    );
    const settings = {
      source: { account: HERE, profile: 'orders' },
      destination: { account: THERE, profile: 'recovery' },
    };

    expect((await verify(settings)).exitCode).toBe(3);
    expect([keysAt(source), keysAt(destination)]).toEqual([['AKIASOURCE'], ['ASIASESSION1']]);
  });

  it('of the operators’ role, which reads without --apply', async () => {
    cloud.state.roles.add(role(HERE, 'operator-read'));
    const settings = { source: { account: HERE }, destination: { account: HERE } };

    expect((await verify({ ...settings, operatorRole: true })).exitCode).toBe(3);
    expect([keysAt(source), keysAt(destination)]).toEqual([['ASIASESSION1'], ['ASIASESSION1']]);
    expect(cloud.state.calls).toEqual([`sts:AssumeRole ${role(HERE, 'operator-read')}`]);
  });

  it('of the operators’ role that writes, for a run of the state machine', async () => {
    cloud.state.roles.add(role(HERE, 'operator'));
    const settings = { source: { account: HERE }, destination: { account: HERE } };

    await ferry({ ...settings, operatorRole: true, bulk: true }, 'verify', '--bulk');

    expect(cloud.state.calls[0]).toBe(`sts:AssumeRole ${role(HERE, 'operator')}`);
  });

  it('of roles in two accounts, the second assumed by the first', async () => {
    cloud.state.roles.add(role(HERE, 'operator-read')).add(role(THERE, 'reader'));

    expect((await verify({ ...accounts, operatorRole: true })).exitCode).toBe(3);
    expect([keysAt(source), keysAt(destination)]).toEqual([['ASIASESSION1'], ['ASIASESSION2']]);
    expect(cloud.state.calls).toEqual([
      `sts:AssumeRole ${role(HERE, 'operator-read')}`,
      `sts:AssumeRole ${role(THERE, 'reader')}`,
    ]);
  });

  it('of the secret of another partition', async () => {
    const secret = `arn:aws:secretsmanager:us-east-1:${HERE}:secret:ferry/china-AbCdEf`;
    cloud.state.secrets.set(secret, newKeys(cloud.state, 'AKIACHINA'));
    const other = { region: 'cn-north-1', credentials: { secret } };

    expect((await verify({ destination: other })).exitCode).toBe(3);
    expect([keysAt(source), keysAt(destination)]).toEqual([['AKIAOWN'], ['AKIACHINA']]);
    expect(cloud.state.calls).toEqual([`secretsmanager:GetSecretValue ${secret}`]);
  });

  it('or any, where an emulator has neither accounts nor roles', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_STS', '');
    const { exitCode } = await verify({ ...accounts, operatorRole: true });

    expect(exitCode).toBe(3);
    expect([keysAt(source), keysAt(destination)]).toEqual([['AKIAOWN'], ['AKIAOWN']]);
  });
});

describe('a replication that can be switched is reached while the source’s Region is lost', () => {
  const keysThere = async (settings: Settings) => {
    const table = { table: 'Orders', create: true, partitionKey: { name: 'pk', type: 'S' } };
    const source = { ...table, region: 'us-east-1', account: HERE };
    const destination = { ...table, region: 'eu-west-1', account: HERE };
    const one = { name: 'orders', source, destination, switching: {}, ...settings };
    const [replication] = parseConfig({ replications: [one] }).replications;
    if (replication === undefined) throw new Error('no replication');
    cloud.state.lostRegion = 'us-east-1';
    const needs = { apply: true, environment: { ...process.env } };
    const sides = await operatorSides(replication, needs);
    return (await sides.destination.credentials?.get())?.accessKeyId ?? 'those that the SDK finds';
  };

  it('by a role', async () => {
    cloud.state.roles.add(role(HERE, 'operator'));

    expect(await keysThere({ operatorRole: true })).toMatch(/^ASIASESSION/);
  });

  it('by credentials whose account is asked for', async () => {
    expect(await keysThere({})).toBe('those that the SDK finds');
  });
});

describe('nothing is sent to either side', () => {
  const expectNothingSent = () => expect([keysAt(source), keysAt(destination)]).toEqual([[], []]);

  it('with credentials of another account, at the source', async () => {
    const { exitCode, err } = await verify({
      source: { account: THERE },
      destination: { account: THERE },
    });

    expect(exitCode).toBe(1);
    expect(err).toBe(
      `ferry: The source is in account ${THERE} (us-east-1), but sts:GetCallerIdentity in us-east-1 returns account ${HERE} for the credentials that the AWS SDK finds.\nHint: Choose credentials of account ${THERE} with AWS_PROFILE, or name a profile in "source.profile".`,
    );
    expectNothingSent();
  });

  it('with credentials of another account, at the destination', async () => {
    const { exitCode, err } = await verify(accounts);

    expect(exitCode).toBe(1);
    expect(err).toContain(`The destination is in account ${THERE} (eu-west-1)`);
    expect(err).toContain(`Name a profile of account ${THERE} in "destination.profile".`);
    expectNothingSent();
  });

  it('with a profile of another account', async () => {
    profiles(['recovery', 'AKIATWIN', HERE]);
    const { exitCode, err } = await verify({
      ...accounts,
      destination: { account: THERE, profile: 'recovery' },
    });

    expect(exitCode).toBe(1);
    expect(err).toContain(`returns account ${HERE} for the profile "recovery".`);
    expect(err).toContain('Correct "destination.profile" or "destination.account"');
    expectNothingSent();
  });

  it('with keys of another account in the secret', async () => {
    const secret = `arn:aws:secretsmanager:us-east-1:${HERE}:secret:ferry/china-AbCdEf`;
    cloud.state.secrets.set(secret, newKeys(cloud.state, 'AKIACHINA'));
    cloud.state.accounts.set('AKIACHINA', '333333333333');
    const other = { region: 'cn-north-1', account: THERE, credentials: { secret } };
    const { exitCode, err } = await verify({ source: { account: HERE }, destination: other });

    expect(exitCode).toBe(1);
    expect(err).toContain(`sts:GetCallerIdentity in cn-north-1 returns account 333333333333`);
    expect(err).toContain(`Put access keys of account ${THERE} into the secret`);
    expectNothingSent();
  });

  it('with a profile that does not exist', async () => {
    profiles();
    const { exitCode, err } = await verify({
      source: { account: HERE, profile: 'missing' },
      destination: { account: HERE },
    });

    expect(exitCode).toBe(1);
    expect(err).toMatch(/of the source are of account 111111111111 \(us-east-1\)\. .*\[missing\]/);
    expect(err).toContain('The configuration reaches the source by the profile "missing".');
    expectNothingSent();
  });
});

it('keeps the credentials of a side to itself while it is not known whose they are', async () => {
  profiles(['recovery', 'AKIAGONE', THERE]);
  cloud.state.valid.delete('AKIAGONE');
  const settings = { ...accounts, destination: { account: THERE, profile: 'recovery' } };
  const { exitCode, err } = await ferry(settings, 'backfill', '--apply');

  expect(exitCode).toBe(1);
  expect(err).toContain(
    'It is not known whether the credentials of the destination are of account 222222222222 (eu-west-1). AWS rejected the credentials of sts:GetCallerIdentity in us-east-1 (InvalidClientTokenId). The configuration reaches the destination by the profile "recovery".',
  );
  expect(keysAt(source)).toEqual(['AKIAOWN']);
  expect(keysAt(destination)).toEqual([]);
});

it('says which role cannot be assumed, in which account and Region, and what to do', async () => {
  cloud.state.roles.add(role(HERE, 'operator-read'));
  const { exitCode, err } = await verify({ ...accounts, operatorRole: true });

  expect(exitCode).toBe(1);
  expect(err).toContain(
    `The credentials of one side are not available: sts:AssumeRole on ${role(THERE, 'reader')} of account ${THERE} in us-east-1 failed with AccessDenied.`,
  );
  expect(err).toContain('Hint: Check that the role is deployed ("operatorRole": true)');
  expect(keysAt(destination)).toEqual([]);
});

it.each([
  {
    who: 'has no credentials',
    profile: 'missing',
    why: /^Could not resolve credentials using profile: \[missing\]/,
  },
  {
    who: 'is a role that cannot be assumed',
    profile: undefined,
    why: `sts:AssumeRole on ${role(HERE, 'operator-read')} of account ${HERE} in us-east-1 failed with AccessDenied`,
  },
])('tells why a role is not assumed where who assumes it $who', async ({ profile, why }) => {
  profiles();
  cloud.state.roles.add(role(THERE, 'reader'));
  const key = { partitionKey: { name: 'pk', type: 'S' }, create: true };
  const orders = {
    name: 'orders',
    operatorRole: true,
    source: { region: 'us-east-1', table: 'Orders', account: HERE, profile, ...key },
    destination: { region: 'eu-west-1', table: 'Orders', account: THERE },
  };
  const [one] = parseConfig(JSON.parse(JSON.stringify({ replications: [orders] }))).replications;
  const needs = { apply: false, environment: { ...process.env } };
  const asked = operatorSides(one as ReplicationConfig, needs).then(({ destination }) =>
    destination.credentials?.get(),
  );

  await expect(asked).rejects.toThrow(why);
});

describe('a status is shown without the destination', () => {
  async function statusOf(settings: Settings) {
    const mapping = { state: 'Enabled', streamArn: two.streamArn };
    const figures = { ReplicationLatency: () => 300, OldestUnappliedAge: () => 300 };
    const deployed = { figures, mapping, deadLetters: 7, isDeployed: true };
    const monitoring = await openMonitoringCloud(deployed);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAOWN');
    const { out } = await ferry(settings, 'status', '--json');
    await monitoring.close();
    return JSON.parse(out) as unknown;
  }

  it('whose role cannot be assumed', async () => {
    cloud.state.roles.add(role(HERE, 'operator-read'));

    expect(await statusOf({ ...accounts, operatorRole: true })).toMatchObject({
      deadLetters: 7,
      pause: 'unknown',
      controlProblem: expect.stringContaining(`sts:AssumeRole on ${role(THERE, 'reader')}`),
    });
  });

  it('whose account is not known', async () => {
    profiles(['recovery', 'AKIAGONE', THERE]);
    cloud.state.valid.delete('AKIAGONE');
    const destination = { account: THERE, profile: 'recovery' };

    expect(await statusOf({ ...accounts, destination })).toMatchObject({
      deadLetters: 7,
      pause: 'unknown',
      controlProblem: expect.stringContaining('It is not known whether the credentials'),
    });
  });
});

it('pauses while it is not known whose credentials the destination’s are', async () => {
  profiles(['recovery', 'AKIAGONE', THERE]);
  cloud.state.valid.delete('AKIAGONE');
  // Nothing listens there: a pause goes without figures, too.
  vi.stubEnv('AWS_ENDPOINT_URL_CLOUDWATCH', 'http://127.0.0.1:9');
  two.lambda.isDeployed = true;
  two.lambda.mappings = [
    { id: 'a1b2', state: 'Enabled', streamArn: two.streamArn, lastResult: 'OK' },
  ];
  const settings = { ...accounts, destination: { account: THERE, profile: 'recovery' } };
  const { exitCode, err } = await ferry(settings, 'pause', '--apply');

  expect(exitCode).toBe(3);
  expect(two.lambda.changes).toEqual(['disable a1b2']);
  expect(err).toContain('could not be noted in the control row: It is not known whether');
  expect(keysAt(destination)).toEqual([]);
});

it('asks STS once about the replications of a fleet', async () => {
  profiles(['orders', 'AKIASOURCE', HERE], ['recovery', 'AKIATWIN', THERE]);
  const { replications } = parseConfig({
    defaults: {
      source: { region: 'us-east-1', account: HERE, profile: 'orders', create: true },
      destination: { region: 'eu-west-1', account: THERE, profile: 'recovery', create: true },
    },
    replications: Array.from({ length: 50 }, (_, n) => ({
      name: `orders-${n}`,
      source: { table: `Orders${n}`, partitionKey: { name: 'pk', type: 'S' } },
      destination: { table: `Orders${n}`, partitionKey: { name: 'pk', type: 'S' } },
    })),
  });
  const needs = { apply: false, environment: { ...process.env } };
  const all = await Promise.all(replications.map((one) => operatorSides(one, needs)));
  const keys = await Promise.all(
    all.map(async ({ destination }) => destination.credentials?.get()),
  );

  expect(new Set(keys.map((one) => one?.accessKeyId))).toEqual(new Set(['AKIATWIN']));
  expect(cloud.state.calls).toEqual(['sts:GetCallerIdentity', 'sts:GetCallerIdentity']);
});

describe('a backfill by roles of two accounts', () => {
  const settings = { ...accounts, operatorRole: true };
  const apply = ['--apply', '--workers', '1', '--write-units', '5000'];

  beforeEach(async () => {
    await putAll(two.source, 'Orders', ITEMS);
    cloud.state.roles.add(role(HERE, 'operator')).add(role(THERE, 'writer'));
  });

  it('assumes the roles that may write, and goes on when all sessions end midway', async () => {
    const { valid } = cloud.state;
    destination.onRequest = (before) => {
      if (before !== 40) return;
      for (const key of valid) if (key.startsWith('ASIA')) valid.delete(key);
    };
    const queue = ['--look-again-queue-url', `${source.endpoint}/queue`];
    const { exitCode, err } = await ferry(settings, 'backfill', ...apply, ...queue);

    expect({ exitCode, err }).toMatchObject({ exitCode: 0 });
    expect(await contents(two.destination, 'Orders')).toHaveProperty('size', ITEMS.length);
    expect([...destination.refused.keys()]).toEqual(['ASIASESSION2']);
    const [operator, writer] = [role(HERE, 'operator'), role(THERE, 'writer')];
    expect(cloud.state.calls.slice(0, 2)).toEqual([
      `sts:AssumeRole ${operator}`,
      `sts:AssumeRole ${writer}`,
    ]);
    expect(new Set(cloud.state.calls)).toHaveProperty('size', 2);
    const bySession = (gate: Gate) => keysAt(gate).every((key) => key.startsWith('ASIASESSION'));
    expect([bySession(source), bySession(destination)]).toEqual([true, true]);
    // No session of one side is ever sent to the other.
    expect(keysAt(source).filter((key) => destination.seen.has(key))).toEqual([]);
  });
});
