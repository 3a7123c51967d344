import { createHmac } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Access, fixedCredentials } from '../../src/aws/access.ts';
import { functionProjection } from '../../src/composition/function-projection.ts';
import { operatorProjection } from '../../src/composition/open-projection.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { FerryError } from '../../src/errors.ts';
import { serve, type ServiceServer } from '../../src/local/loopback/service.ts';
import { FUNCTION_NAMES, functionDirectory } from '../../src/package-files.ts';
import { digestOfModule, digestOfRules } from '../../src/projection/digest.ts';

const SECRET = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/hash-AbCdEf';
const [VERSION, SHORT, BINARY] = ['1', '2', '3'].map((digit) => digit.repeat(32));
const KEY = { pk: { S: 'a' } };
const ITEM = { ...KEY, a: { S: 'x' }, b: { S: 'y' } };

let folder: string;
let secrets: ServiceServer;
const asked: string[] = [];
const access = (): Access => ({
  region: 'us-east-1',
  endpoints: { secretsmanager: secrets.endpoint },
  credentials: fixedCredentials({ accessKeyId: 'local', secretAccessKey: 'local' }),
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-projection-'));
  const texts: Record<string, object> = {
    [`${VERSION}`]: { SecretString: 'a text of 16 chars' },
    [`${SHORT}`]: { SecretString: 'fifteen letters' },
    [`${BINARY}`]: { SecretBinary: 'AAAA' },
  };
  secrets = await serve({
    name: 'Secrets Manager',
    bodyBytesMax: 10_000,
    perform({ body }) {
      const { SecretId, VersionId = '' } = JSON.parse(body.toString()) as Record<string, string>;
      asked.push(`${SecretId} ${VersionId}`);
      const found = texts[VersionId];
      const refused = { __type: 'ResourceNotFoundException', message: 'there is no such version' };
      return { status: found ? 200 : 400, body: JSON.stringify(found ?? refused) };
    },
    refuse: () => ({ status: 500 }),
    tooLong: () => new Error('too long'),
  });
});

afterAll(async () => {
  await secrets.stop();
  rmSync(folder, { recursive: true });
});

function replication(projection: object | undefined, more: object = {}): ReplicationConfig {
  const table = { region: 'us-east-1', table: 'Orders' };
  const configured = {
    name: 'orders',
    source: {
      ...table,
      streamArn: `arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000`,
    },
    destination: { ...table, region: 'eu-west-1' },
    ...(projection && { projection }),
    ...more,
  };
  const { replications } = parseConfig({ replications: [configured] });
  return replications[0] as ReplicationConfig;
}

function moduleFile(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function failureOf(opening: Promise<unknown>): Promise<FerryError> {
  const error: unknown = await opening.catch((thrown: unknown) => thrown);
  if (error instanceof FerryError) return error;
  throw new Error(`it did not fail: ${String(error)}`);
}

const deployment = (config: ReplicationConfig, projectionDigest?: string) => ({
  replication: config,
  streamArn: 'stream',
  deadLetterQueueUrl: 'queue',
  onFailureBucket: 'bucket',
  projectionDigest,
});

it('is none without a setting', async () => {
  expect(await functionProjection(deployment(replication(undefined)), access())).toBeUndefined();
  expect(await operatorProjection(replication(undefined), access())).toBeUndefined();
});

it('reads the key of its hashes once, in the version that is set', async () => {
  const hash = ['a', 'b'].map((attribute) => ({ attribute, secret: SECRET, versionId: VERSION }));
  asked.length = 0;
  const projection = await operatorProjection(replication({ attributes: { hash } }), access());
  const hashed = createHmac('sha256', 'a text of 16 chars')
    .update('[["S","x"]]')
    .digest('base64url');

  expect(projection?.project(ITEM, KEY)?.['a']).toEqual({ S: hashed });
  expect(asked).toEqual([`${SECRET} ${VERSION}`]);
});

it.each([
  ['is not there', 'f'.repeat(32), 'ResourceNotFoundException'],
  ['is too short', SHORT, 'has less than 16 characters'],
  ['has no text', BINARY, 'has bytes, and no text'],
])(
  'names the secret and its version, and no text of it, where it %s',
  async (_, versionId, message) => {
    const hash = { attribute: 'a', secret: SECRET, versionId };
    const config = replication({ attributes: { hash } });
    const failure = await failureOf(functionProjection(deployment(config), access()));

    expect(failure.code).toBe('projection.secret');
    expect(failure.message).toContain(message);
    expect(failure.message).toContain(SECRET);
    expect(failure.message).toContain(versionId);
    expect(failure.message).not.toContain('fifteen');
    expect(failure.hint).toContain('secretsmanager:GetSecretValue');
  },
);

it('loads the module of a function, and refuses another one than was deployed', async () => {
  const path = moduleFile('deployed.mjs', 'export const project = ({ b, ...kept }) => kept;');
  const config = replication({ module: '/elsewhere/orders.mjs' });
  const digest = digestOfModule(readFileSync(path));
  const open = (wanted: string) =>
    functionProjection(deployment(config, wanted), access(), pathToFileURL(path));
  const projection = await open(digest);
  const failure = await failureOf(open('0'.repeat(64)));

  expect(projection).toMatchObject({ digest, filters: true });
  expect(projection?.project(ITEM, KEY)).toEqual({ ...KEY, a: ITEM.a });
  expect(failure.code).toBe('deployment.invalid');
  expect(failure.message).toContain(digest);
});

it('uses no rules of a function but those that its digest stands for', async () => {
  const written = { attributes: { drop: ['a'] } };
  const digest = digestOfRules(written);
  // Of a variable that no deployment has checked.
  const mistaken = { attributes: { drops: ['a'] } } as object;
  const open = (projection: object) =>
    functionProjection(deployment({ ...replication(written), projection }, digest), access());

  expect((await open(written))?.project(ITEM, KEY)).toEqual({ ...KEY, b: ITEM.b });
  expect((await failureOf(open(mistaken))).code).toBe('deployment.invalid');
});

it('loads a module for a command, and loads it anew when the file is another one', async () => {
  const path = moduleFile('own.mjs', 'export const project = (item) => item;');
  const first = await operatorProjection(replication({ module: path }), access());
  moduleFile('own.mjs', 'export const project = () => undefined;');
  const second = await operatorProjection(replication({ module: path }), access());

  expect(first?.project(ITEM, KEY)).toEqual(ITEM);
  expect(second?.project(ITEM, KEY)).toBeUndefined();
  expect(second?.digest).not.toBe(first?.digest);
});

it.each([
  ['imports another', 'import x from "y"; export const project = x;', 'imports y'],
  ['throws while it is loaded', 'export const project = 1; throw new Error("no");', 'Error: no'],
  ['cannot be parsed', 'export const project = (item: any) => item;', 'cannot be loaded'],
  ['waits', 'export async function project() {}', 'async function'],
  [
    'changes all objects',
    'Object.prototype.more = { S: "x" }; export const project = 1;',
    'TypeError',
  ],
  ...['Array.prototype.map', 'JSON.stringify', 'Promise.prototype.then', 'Object.keys'].map(
    (name) => [
      `replaces ${name}`,
      `${name} = () => []; export const project = (item) => item;`,
      'TypeError',
    ],
  ),
])('refuses a module that %s', async (name = '', text = '', message) => {
  const path = moduleFile(`${name}.mjs`, text);
  const failure = await failureOf(operatorProjection(replication({ module: path }), access()));

  expect(failure.code).toBe('projection.module');
  expect(failure.message).toContain(message);
});

it('fails for an item where a module replaces what is built in', async () => {
  const text = 'export const project = (item) => { Array.prototype.map = () => []; return item; };';
  const path = moduleFile('later.mjs', text);
  const projection = await operatorProjection(replication({ module: path }), access());

  expect(() => projection?.project(ITEM, KEY)).toThrow(/^the module threw TypeError: /);
  expect([1].map(String)).toEqual(['1']);
});

it('says where a module is missing, and asks for the configuration of a deployed one', async () => {
  const missing = replication({ module: join(folder, 'missing.mjs') });
  const deployed = { ...missing, projection: { module: 'orders.mjs' } };

  expect((await failureOf(operatorProjection(missing, access()))).message).toContain('missing.mjs');
  expect(await failureOf(operatorProjection(deployed, access()))).toMatchObject({
    code: 'projection.module',
    hint: expect.stringContaining('--config') as string,
  });
});

it.each([
  [
    { pk: 'ferry-heartbeat', sk: 0 },
    { pk: { S: 'ferry-heartbeat' }, sk: { N: '0' } },
  ],
  [
    { pk: 7, sk: 'a' },
    { pk: { N: '7.0' }, sk: { S: 'a' } },
  ],
])('does not touch the heartbeat item', async (key, found) => {
  const rules = {
    keepItems: { attribute: 'country', equals: { S: 'de' } },
    attributes: { drop: ['country'] },
  };
  const config = replication(rules, { heartbeat: { key } });
  const projection = await operatorProjection(config, access());
  const heartbeat = { ...found, _ferryHeartbeat: { N: '1' } };
  const other = { ...heartbeat, sk: { S: 'other' } };

  expect(projection?.project(heartbeat, found)).toBe(heartbeat);
  expect(projection?.project(other, { ...found, sk: other.sk })).toBeUndefined();
});

it('brings no check of texts into the functions, which load what has been checked', () => {
  const bundles = FUNCTION_NAMES.flatMap((name) =>
    readdirSync(functionDirectory(name))
      .filter((file) => file.endsWith('.mjs'))
      .map((file) => readFileSync(join(functionDirectory(name), file), 'utf8')),
  );

  expect(bundles.filter((text) => text.includes('moduleProjection'))).toHaveLength(2);
  expect(bundles.filter((text) => text.includes('checkModuleText'))).toEqual([]);
});
