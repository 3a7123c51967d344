// Where each client asks: at the endpoint of the configuration, or else at the one that the environment or the
// profile names. A listener on loopback tells who was asked for what.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { ListStreamsCommand } from '@aws-sdk/client-dynamodb-streams';
import { GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Access,
  accessTo,
  type CredentialSource,
  type Settings,
} from '../../src/aws/access.ts';
import { cloudWatchClient, readSeries } from '../../src/aws/cloudwatch-metrics.ts';
import { serviceSettings } from '../../src/aws/client-settings.ts';
import { deployedSettings } from '../../src/aws/deployed-function.ts';
import { readClient } from '../../src/aws/dynamodb-reader.ts';
import { writeClient } from '../../src/aws/dynamodb-table.ts';
import { environmentEndpoint, isLoopback } from '../../src/aws/endpoints.ts';
import { eventSources } from '../../src/aws/event-source.ts';
import { messagesClient, tablesClient } from '../../src/aws/leftovers.ts';
import { credentialsFor } from '../../src/aws/credentials.ts';
import { namingFailures } from '../../src/aws/named-failures.ts';
import { objectClient, s3Objects } from '../../src/aws/s3-objects.ts';
import { sqsDeadLetters } from '../../src/aws/sqs-dead-letters.ts';
import { sqsLookAgain } from '../../src/aws/sqs-look-again.ts';
import { queueClient, sqsMessages } from '../../src/aws/sqs-messages.ts';
import { stepFunctions, stepFunctionsClient } from '../../src/aws/step-functions.ts';
import { streamsClient } from '../../src/aws/stream-ranges.ts';
import { describeTable } from '../../src/aws/table-facts.ts';
import { withStory } from '../../src/cli/service-errors.ts';
import { startRefusingAws } from '../fixtures/refusing-aws.ts';
import { profileAccess } from '../../src/composition/operator-access.ts';
import type { DeadLetter } from '../../src/model/dead-letter.ts';
import { FerryError } from '../../src/errors.ts';

interface Listener {
  readonly url: string;
  /** Operations, or paths where the protocol has no operations. */
  readonly heard: string[];
}

const servers: Server[] = [];
let folder = '';

async function listen(): Promise<Listener> {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    heard.push(String(request.headers['x-amz-target'] ?? `${request.method} ${request.url}`));
    request.resume();
    response.writeHead(400, { 'x-amzn-requestid': '1', 'content-type': 'application/json' });
    response.end('{"__type":"ValidationException","message":"no"}');
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-endpoints-'));
  const none = Object.keys(process.env).filter((name) => name.startsWith('AWS_'));
  for (const name of none) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'credentials'));
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

const REGION: Access = { region: 'us-east-1' };
/** Nothing answers there: whoever asks it has not read the environment. */
const NOWHERE = 'http://127.0.0.1:9';
const QUEUE_URL = `${NOWHERE}/111122223333/ferry-orders-dead-letters`;

interface Client {
  readonly name: string;
  readonly variable: string;
  /** A request by it. @param endpoint as a configuration names it. */
  readonly ask: (endpoint?: string, by?: CredentialSource) => Promise<unknown>;
}

const accessBy = (settings: Settings, by?: CredentialSource): Access =>
  by === undefined ? profileAccess(settings) : accessTo(settings, by);
const sideOf = (endpoint?: string, by?: CredentialSource) => accessBy({ ...REGION, endpoint }, by);
const sourceOf = (
  service: 'cloudwatch' | 'lambda' | 'sfn',
  endpoint?: string,
  by?: CredentialSource,
): Access =>
  endpoint === undefined ? REGION : accessBy({ ...REGION, endpoints: { [service]: endpoint } }, by);
const anHour = { fromMs: 0, toMs: 3_600_000 };

const CLIENTS: readonly Client[] = [
  {
    name: 'reads of a table',
    variable: 'DYNAMODB',
    ask: (endpoint, by) =>
      readClient(sideOf(endpoint, by)).send(new DescribeTableCommand({ TableName: 'Orders' })),
  },
  {
    name: 'writes to a table',
    variable: 'DYNAMODB',
    ask: (endpoint, by) =>
      namingFailures(writeClient({ ...sideOf(endpoint, by), concurrency: 1 })).send(
        new DescribeTableCommand({ TableName: 'Orders' }),
      ),
  },
  {
    name: 'facts about a table',
    variable: 'DYNAMODB',
    ask: (endpoint, by) => describeTable(sideOf(endpoint, by), 'Orders'),
  },
  {
    name: 'tables of a teardown',
    variable: 'DYNAMODB',
    ask: (endpoint, by) =>
      tablesClient(sideOf(endpoint, by)).send(new DescribeTableCommand({ TableName: 'Orders' })),
  },
  {
    name: 'streams',
    variable: 'DYNAMODB_STREAMS',
    ask: (endpoint, by) => streamsClient(sideOf(endpoint, by)).send(new ListStreamsCommand({})),
  },
  {
    name: 'messages of a queue',
    variable: 'SQS',
    ask: (endpoint, by) =>
      sqsMessages(queueClient({ ...sideOf(endpoint, by), queueUrl: QUEUE_URL }), QUEUE_URL).size(),
  },
  {
    name: 'the look-again queue',
    variable: 'SQS',
    ask: (endpoint, by) =>
      sqsLookAgain({ ...sideOf(endpoint, by), queueUrl: QUEUE_URL, delaySeconds: 1 }).announce(
        '{}',
      ),
  },
  {
    name: 'queues of a teardown',
    variable: 'SQS',
    ask: (endpoint, by) =>
      messagesClient(sideOf(endpoint, by)).send(new GetQueueUrlCommand({ QueueName: 'orders' })),
  },
  {
    name: 'objects of a bucket',
    variable: 'S3',
    ask: (endpoint, by) => s3Objects(objectClient(sideOf(endpoint, by)), 'bucket').get('key'),
  },
  {
    name: 'metrics',
    variable: 'CLOUDWATCH',
    ask: (endpoint, by) =>
      readSeries(
        cloudWatchClient(serviceSettings(sourceOf('cloudwatch', endpoint, by), 'cloudwatch')),
        [{ namespace: 'Ferry', name: 'AppliedRecords', dimensions: {}, statistic: 'Sum' }],
        anHour,
      ),
  },
  {
    name: 'the deployed function',
    variable: 'LAMBDA',
    ask: (endpoint, by) => deployedSettings(sourceOf('lambda', endpoint, by), 'orders'),
  },
  {
    name: 'event source mappings',
    variable: 'LAMBDA',
    ask: (endpoint, by) =>
      eventSources(sourceOf('lambda', endpoint, by), {
        name: 'orders',
        source: { table: 'Orders' },
      }),
  },
  {
    name: 'bulk runs',
    variable: 'SFN',
    ask: (endpoint, by) =>
      stepFunctions(
        stepFunctionsClient(serviceSettings(sourceOf('sfn', endpoint, by), 'sfn')),
        'arn:aws:states:us-east-1:111122223333:stateMachine:ferry-orders-bulk',
      ).state('arn:aws:states:us-east-1:111122223333:execution:ferry-orders-bulk:1'),
  },
];

/** The function has no configuration of its own for it. */
const DEAD_LETTERS: Client = {
  name: 'dead letters of the function',
  variable: 'SQS',
  ask: () =>
    sqsDeadLetters({
      queueUrl: QUEUE_URL,
      region: 'us-east-1',
      concurrency: 1,
      openBucket: () => Promise.reject(new Error('no bucket')),
    }).send({ failedAt: '2026-01-31T12:00:00.000Z', record: {} } as unknown as DeadLetter),
};

/** The listener refuses everything. */
const refused = (error: unknown) => expect(error).toBeInstanceOf(Error);

describe.each([...CLIENTS, DEAD_LETTERS])('the client for $name', ({ variable, ask }) => {
  it(`asks where AWS_ENDPOINT_URL_${variable} says, before AWS_ENDPOINT_URL`, async () => {
    const [general, specific] = [await listen(), await listen()];
    vi.stubEnv('AWS_ENDPOINT_URL', general.url);
    await ask().catch(refused);
    vi.stubEnv(`AWS_ENDPOINT_URL_${variable}`, specific.url);
    const generally = general.heard.length;
    await ask().catch(refused);

    expect(generally).toBeGreaterThan(0);
    expect(general.heard).toHaveLength(generally);
    expect(specific.heard.length).toBeGreaterThan(0);
  });

  it('asks where the profile says', async () => {
    const listener = await listen();
    writeFileSync(join(folder, 'config'), `[profile dev]\nendpoint_url = ${listener.url}\n`);
    const keys = 'aws_access_key_id = test\naws_secret_access_key = test\n';
    writeFileSync(join(folder, 'credentials'), `[dev]\n${keys}`);
    vi.stubEnv('AWS_PROFILE', 'dev');
    await ask().catch(refused);

    expect(listener.heard.length).toBeGreaterThan(0);
  });
});

describe.each(CLIENTS)('the client for $name', ({ variable, ask }) => {
  it('asks where the configuration says, before any variable', async () => {
    const [configured, variables] = [await listen(), await listen()];
    vi.stubEnv('AWS_ENDPOINT_URL', variables.url);
    vi.stubEnv(`AWS_ENDPOINT_URL_${variable}`, variables.url);
    await ask(configured.url).catch(refused);

    expect(configured.heard.length).toBeGreaterThan(0);
    expect(variables.heard).toEqual([]);
  });

  it('needs no credentials for an endpoint on this machine', async () => {
    const configured = await listen();
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    await ask(configured.url).catch(refused);

    expect(configured.heard.length).toBeGreaterThan(0);
  });
});

describe.each(CLIENTS)('the client for $name', ({ ask }) => {
  it('gives an endpoint up that accepts connections and never answers, and names it', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    servers.push(silent);
    await once(silent, 'listening');
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;

    expect(await inFastTime(() => ask(url).catch(storyOf))).toContain(`from ${url}`);
  });
});

/** As a command tells it. */
function storyOf(error: unknown): string {
  const told = withStory(error, { hint: '' });
  return told instanceof FerryError ? told.message : `a bug: ${String(error)}`;
}

/** Timers end a hundred times as fast; `AbortSignal.timeout` goes by the real clock. */
async function inFastTime<T>(action: () => Promise<T>): Promise<T> {
  const ticking = setInterval(() => vi.advanceTimersByTime(1_000), 10);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    return await action();
  } finally {
    vi.useRealTimers();
    clearInterval(ticking);
  }
}

describe('AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', () => {
  it('turns the queue back to the host of its URL', async () => {
    const [named, general] = [await listen(), await listen()];
    vi.stubEnv('AWS_ENDPOINT_URL', general.url);
    vi.stubEnv('AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', 'true');
    const queueUrl = `${named.url}/111122223333/ferry-orders-dead-letters`;
    await sqsMessages(queueClient({ ...REGION, queueUrl }), queueUrl)
      .size()
      .catch(refused);

    expect(named.heard.length).toBeGreaterThan(0);
    expect(general.heard).toEqual([]);
  });

  it('holds for what is decided without the SDK', () => {
    const variables = { AWS_ENDPOINT_URL: 'http://a', AWS_ENDPOINT_URL_S3: 'http://b' };

    expect(environmentEndpoint('S3', variables)).toBe('http://b');
    expect(environmentEndpoint('DYNAMODB', variables)).toBe('http://a');
    expect(environmentEndpoint('S3', { ...variables, AWS_ENDPOINT_URL_S3: '' })).toBe('http://a');
    expect(environmentEndpoint('S3', {})).toBeUndefined();
    const ignored = { ...variables, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };
    expect(environmentEndpoint('S3', ignored)).toBeUndefined();
  });
});

describe('credentials for an endpoint on this machine', () => {
  it('are those of the environment, where there are any', async () => {
    const environment = {
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      AWS_SESSION_TOKEN: 'c',
    };

    expect(await credentialsFor(environment)).toEqual({
      accessKeyId: 'a',
      secretAccessKey: 'b',
      sessionToken: 'c',
    });
  });

  it('mean nothing where none are configured', async () => {
    const nothing = { HOME: folder, AWS_EC2_METADATA_DISABLED: 'true' };

    expect(await credentialsFor(nothing)).toEqual({
      accessKeyId: 'local',
      secretAccessKey: 'local',
    });
  });

  it('are those of the profile, because an emulator may keep tables by key', async () => {
    const file = join(folder, 'credentials');
    writeFileSync(file, '[default]\naws_access_key_id = mine\naws_secret_access_key = s\n');
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);

    expect(await credentialsFor(process.env)).toMatchObject({ accessKeyId: 'mine' });
  });
});

it.each([
  ['http://127.0.0.1:8000', true],
  ['http://127.1.2.3:8000/', true],
  ['http://localhost:4566', true],
  ['http://[::1]:8000', true],
  ['http://127.0.0.1.example.com', false],
  ['https://dynamodb.us-east-1.amazonaws.com', false],
  ['http://dynamodb:8000', false],
])('%s is on this machine: %s', (endpoint, expected) => {
  expect(isLoopback(endpoint)).toBe(expected);
});

it.each([...CLIENTS])(
  '$name: others are tried once where credentials are refused',
  async ({ ask }) => {
    const tried: string[] = [];
    const aws = await startRefusingAws('ExpiredToken', (accessKeyId) => tried.push(accessKeyId));
    let keys = { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' };
    const refusals: string[] = [];
    const by: CredentialSource = {
      get: () => keys,
      async refused({ accessKeyId }) {
        refusals.push(accessKeyId);
        keys = { accessKeyId: 'AKIDOTHER', secretAccessKey: 'other' };
        return true;
      },
    };

    await ask(aws.endpoint, by).catch(refused);
    await aws.close();

    expect({ tried, refusals }).toEqual({
      tried: ['AKIDTEST', 'AKIDOTHER'],
      refusals: ['AKIDTEST'],
    });
  },
);
