import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateTableCommand,
  DynamoDBClient,
  ListTablesCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { FerryError } from '../../src/errors.ts';
import {
  type EmbeddedDynamoDb,
  type EmbeddedDynamoDbOptions,
  embeddedEnginePath,
  startEmbeddedDynamoDb,
} from '../../src/local/engine/embedded-dynamodb.ts';
import { eventually, isRunning } from './fixtures/processes.ts';
import { killOwners, startOwner } from './fixtures/start-owner.ts';

const here = process.platform === 'linux' && process.arch === 'x64';
const started: EmbeddedDynamoDb[] = [];
const servers: Server[] = [];
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ferry-engine-'));
});

afterEach(async () => {
  killOwners();
  await Promise.all(started.splice(0).map((engine) => engine.stop()));
  for (const server of servers.splice(0)) server.close();
});

afterAll(() => rmSync(directory, { recursive: true }));

async function start(options?: EmbeddedDynamoDbOptions): Promise<EmbeddedDynamoDb> {
  const engine = await startEmbeddedDynamoDb(options);
  started.push(engine);
  return engine;
}

async function failure(starting: Promise<unknown>): Promise<FerryError> {
  const error = await starting.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FerryError);
  return error as FerryError;
}

async function tables(endpoint: string): Promise<string[]> {
  const client = new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
  try {
    return (await client.send(new ListTablesCommand({}))).TableNames ?? [];
  } finally {
    client.destroy();
  }
}

/** Somebody else's server, which even says that it is healthy. */
async function impostor(): Promise<number> {
  const server = createServer((_request, response) => response.end('healthy: not the engine'));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** A program that stands in for the engine; `pid` tells its process id once it has started. */
function program(name: string, body: string) {
  const path = join(directory, name);
  const pidFile = join(directory, `${name}.pid`);
  writeFileSync(path, `#!/bin/sh\necho $$ >${pidFile}\n${body}\n`);
  chmodSync(path, 0o755);
  return { path, pidFile };
}

function pidIn(file: string): number {
  return Number(readFileSync(file, 'utf8'));
}

async function createTableAndPut(endpoint: string): Promise<void> {
  const client = new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  await client.send(
    new CreateTableCommand({
      TableName: 'Orders',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  await client.send(new PutItemCommand({ TableName: 'Orders', Item: { pk: { S: 'o#1' } } }));
  client.destroy();
}

describe.runIf(here)('the embedded engine', () => {
  it('answers as DynamoDB once it has started, and is gone once it has stopped', async () => {
    const engine = await start();
    expect(await tables(engine.endpoint)).toEqual([]);
    expect(isRunning(engine.pid)).toBe(true);

    await engine.stop();
    await engine.stop();

    expect(isRunning(engine.pid)).toBe(false);
    expect(await engine.exited).toMatchObject({ code: 0 });
    await expect(tables(engine.endpoint)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('gives each Region an engine of its own', async () => {
    const engines = await Promise.all(Array.from({ length: 8 }, () => start()));

    expect(new Set(engines.map(({ endpoint }) => endpoint)).size).toBe(8);
    for (const { endpoint } of engines) expect(await tables(endpoint)).toEqual([]);
  });

  it('keeps the tables in a file if it is given one, also when it is killed', async () => {
    const dbPath = join(directory, 'kept.db');
    const first = await start({ dbPath });
    await createTableAndPut(first.endpoint);
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toMatchObject({ code: 128 + 9 });

    const second = await start({ dbPath });

    expect(await tables(second.endpoint)).toEqual(['Orders']);
  });

  it('refuses a port that another engine has, names it, and leaves that engine alone', async () => {
    const first = await start();
    const port = Number(new URL(first.endpoint).port);

    const error = await failure(start({ port }));

    expect(error.code).toBe('local.port.in-use');
    expect(error.message).toContain(String(port));
    expect(await tables(first.endpoint)).toEqual([]);
  });

  it('is not taken in by another server that answers on its port', async () => {
    const port = await impostor();

    expect(await failure(start({ port }))).toMatchObject({ code: 'local.port.in-use' });
  });

  it('tells the end of what a failing engine said', async () => {
    const error = await failure(start({ dbPath: join(directory, 'no', 'such', 'directory') }));

    expect(error.code).toBe('local.engine.failed');
    expect(error.message).toContain('unable to open database file');
  });

  it('leaves nothing behind when the engine exits at once or does not exist', async () => {
    const exits = program('exits', 'echo "no licence today" >&2; exit 7');

    const failed = await failure(start({ enginePath: exits.path }));
    const absent = await failure(start({ enginePath: join(directory, 'absent') }));

    expect(failed).toMatchObject({ code: 'local.engine.failed' });
    expect(failed.message).toContain('no licence today');
    expect(absent).toMatchObject({ code: 'local.engine.failed' });
  });

  it('takes another free port when somebody was faster', async () => {
    const tried = join(directory, 'late.tried');
    const late = program(
      'late',
      `[ -e ${tried} ] && exec ${embeddedEnginePath()} "$@"
       touch ${tried}; echo 'the port is already in use' >&2; exit 1`,
    );

    const engine = await start({ enginePath: late.path });

    expect(await tables(engine.endpoint)).toEqual([]);
  });

  it('ends an engine that is not healthy in time, even if it is deaf to SIGTERM', async () => {
    const deaf = program('deaf', 'trap "" TERM; while :; do sleep 0.05; done');

    const error = await failure(start({ enginePath: deaf.path, startTimeoutMs: 300 }));

    expect(error.code).toBe('local.engine.failed');
    expect(error.message).toContain('no answer within 0.3 s');
    expect(isRunning(pidIn(deaf.pidFile))).toBe(false);
  });

  it('goes on when the whole foreground process group gets a Ctrl-C', async () => {
    const owner = await startOwner('engine');

    process.kill(-owner.process.pid, 'SIGINT');
    expect(await owner.nextLine()).toBe('interrupted');
    const survived = await tables(owner.owned.endpoint);
    process.kill(owner.process.pid, 'SIGKILL');

    expect(survived).toEqual([]);
    expect(await eventually(() => !isRunning(owner.owned.pid))).toBe(true);
  });

  it('ends with its owner, even if that one is killed with SIGKILL', async () => {
    const owner = await startOwner('engine');
    const running = isRunning(owner.owned.pid);

    process.kill(owner.process.pid, 'SIGKILL');

    expect(running).toBe(true);
    expect(await eventually(() => !isRunning(owner.owned.pid))).toBe(true);
  });
});

describe('where there is no embedded engine', () => {
  it('says so, and what to do instead', async () => {
    let error: unknown;
    try {
      embeddedEnginePath('@dynoxide/plan9-mips');
    } catch (thrown) {
      error = thrown;
    }

    expect(error).toMatchObject({
      code: 'local.engine.missing',
      hint: expect.stringMatching(
        /linux-x64 only.*--source-endpoint.*--destination-endpoint.*DynamoDB Local/,
      ),
    });
    const version = manifest.optionalDependencies['@dynoxide/linux-x64'];
    expect(error).toHaveProperty(
      'hint',
      expect.stringContaining(`npm install --no-save @dynoxide/plan9-mips@${version}.`),
    );
  });
});
