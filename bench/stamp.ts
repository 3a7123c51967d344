// What the plug-in of applications costs: processor time per write, against the same client without it. Requests end
// before the network. A round has many pairs of short turns, with and without, whose order alternates; its figure is the
// median of their differences.
// `npm run bench:stamp -- 15`

import { DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { packageFile } from '../src/package-files.ts';
import type * as Stamp from '../src/stamp/index.ts';
import { foundText, type Goal, isMet, wantedText } from './goals.ts';
import { median } from './results.ts';

const ROUNDS_DEFAULT = 15;
const PAIRS = 20;
const WRITES = 100;
const WARM_UP_TURNS = 30;
const MOST_US = 30;
const TableName = 'Orders';
const NAMES = Array.from({ length: 8 }, (_, index) => `attribute-${index}`);

/** As applications import it: with tsx, every closure costs one more call. */
const { ferryStamp } = (await import(packageFile('dist/src/stamp/index.js'))) as typeof Stamp;

type Write = (client: DynamoDBClient, document: DynamoDBDocumentClient) => Promise<unknown>;

const WRITES_BY_NAME: Readonly<Record<string, Write>> = {
  PutItem: (client) => {
    const values = NAMES.map((name) => [name, { S: name.repeat(4) }] as const);
    const Item = { id: { S: 'order-1' }, ...Object.fromEntries(values) };
    return client.send(new PutItemCommand({ TableName, Item }));
  },
  UpdateItem: (client) =>
    client.send(
      new UpdateItemCommand({
        TableName,
        Key: { id: { S: 'order-1' } },
        UpdateExpression: 'SET #status = :status ADD clicks :one',
        ConditionExpression: 'attribute_exists(id)',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':status': { S: 'paid' }, ':one': { N: '1' } },
      }),
    ),
  'put of a document client': (_, document) => {
    const values = NAMES.map((name) => [name, name.repeat(4)] as const);
    const Item = { id: 'order-1', ...Object.fromEntries(values) };
    return document.send(new PutCommand({ TableName, Item }));
  },
};

function offlineClient(): DynamoDBClient {
  const body = new TextEncoder().encode('{}');
  const handle = () => Promise.resolve({ response: { statusCode: 200, headers: {}, body } });
  return new DynamoDBClient({
    region: 'eu-west-1',
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
    requestHandler: { handle } as never,
  });
}

/** Processor time of one write, in microseconds. */
async function costOf(write: Write, { client, document }: Clients): Promise<number> {
  const before = process.cpuUsage();
  for (let count = 0; count < WRITES; count += 1) await write(client, document);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / WRITES;
}

/** Both are made once, as applications make them. */
interface Clients {
  readonly client: DynamoDBClient;
  readonly document: DynamoDBDocumentClient;
}

function clientsOf(client: DynamoDBClient): Clients {
  return { client, document: DynamoDBDocumentClient.from(client) };
}

const stampedClient = offlineClient();
stampedClient.middlewareStack.use(ferryStamp({ epoch: 1, origin: 'source', tables: [TableName] }));
const [plain, stamped] = [clientsOf(offlineClient()), clientsOf(stampedClient)];

interface Pair {
  /** Microseconds per write. */
  readonly without: number;
  readonly difference: number;
}

async function pairOfTurns(write: Write, stampedFirst: boolean): Promise<Pair> {
  const first = await costOf(write, stampedFirst ? stamped : plain);
  const second = await costOf(write, stampedFirst ? plain : stamped);
  const [without, withIt] = stampedFirst ? [second, first] : [first, second];
  return { without, difference: withIt - without };
}

async function round(write: Write): Promise<Pair> {
  const pairs: Pair[] = [];
  for (let pair = 0; pair < PAIRS; pair += 1) pairs.push(await pairOfTurns(write, pair % 2 === 0));
  return {
    without: median(pairs.map(({ without }) => without)),
    difference: median(pairs.map(({ difference }) => difference)),
  };
}

const rounds = Number(process.argv[2] ?? ROUNDS_DEFAULT);
const goals: Goal[] = [];
for (const [name, write] of Object.entries(WRITES_BY_NAME)) {
  for (let turn = 0; turn < WARM_UP_TURNS; turn += 1) await pairOfTurns(write, turn % 2 === 0);
  const figures: number[] = [];
  for (let count = 0; count < rounds; count += 1) {
    const { without, difference } = await round(write);
    console.error(`${name}: ${without.toFixed(0)} us without, ${difference.toFixed(1)} us more`);
    figures.push(difference);
  }
  const what = `processor time of the plug-in per write, ${name}`;
  goals.push({ what, unit: 'µs', most: MOST_US, figures });
}
for (const goal of goals)
  console.log(
    `${isMet(goal) ? 'met' : 'MISSED'}, ${wantedText(goal)}  ${goal.what}: ${foundText(goal)}`,
  );
process.exitCode = goals.every(isMet) ? 0 : 1;
