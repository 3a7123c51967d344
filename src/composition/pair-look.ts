// Two tables as they are before they are replicated: described, some items read, and judged.

import type { Access, Sides } from '../aws/access.ts';
import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import { describeKinesis, kinesisStreamOf } from '../aws/kinesis-facts.ts';
import { systemClock } from '../aws/system-clock.ts';
import { whatHappened } from '../failures/what-happened.ts';
import type { PairFacts } from '../init/entry.ts';
import type { TableFacts } from '../model/table-facts.ts';
import type { Item } from '../ports.ts';
import { type Finding, type Pair, preflight } from '../status/preflight.ts';
import { protectionOf } from './protection.ts';
import { requireTable } from './table-check.ts';

export interface PairLook extends PairFacts {
  /** Errors first. */
  readonly findings: readonly Finding[];
}

export interface PairToLookAt extends Pick<Pair, 'reservedAttribute' | 'projection'> {
  readonly sides: Sides;
  readonly source: string;
  readonly destination: string;
  /** Undefined where the stream of the table is read. */
  readonly kinesisStreamArn?: string | undefined;
}

/** @throws FerryError `table.missing`, or what the service or the network throws. */
export async function lookAtPair(pair: PairToLookAt): Promise<PairLook> {
  const { sides, reservedAttribute, projection, kinesisStreamArn } = pair;
  const source = await requireTable(sides.source, pair.source, 'source');
  const destination = await requireTable(sides.destination, pair.destination, 'destination');
  const sample = await sampleOf(sides.source, source);
  const nowMs = systemClock.now();
  const kinesis =
    kinesisStreamArn === undefined
      ? undefined
      : await describeKinesis(sides.source, { table: source.table, kinesisStreamArn });
  const unreadKinesis = kinesis ? undefined : await unreadStreamOf(sides.source, source.table);
  const protection = await protectionOf(sides.destination, pair.destination);
  const tables = { source, destination, kinesis };
  const rules = { reservedAttribute, projection, nowMs };
  const findings = preflight({ ...tables, ...rules, sample, protection, unreadKinesis });
  return { ...tables, findings };
}

/** Never rejects: nothing fails because it is not known. */
async function unreadStreamOf(access: Access, table: string): Promise<Pair['unreadKinesis']> {
  try {
    const streamArn = await kinesisStreamOf(access, table);
    return streamArn === undefined ? undefined : { streamArn };
  } catch (error) {
    return { why: whatHappened(error) };
  }
}

const SAMPLE_ITEMS = 1_000;

async function sampleOf(access: Access, { table, keys }: TableFacts): Promise<readonly Item[]> {
  const client = readClient(access);
  try {
    const keyAttributes = keys.map(({ name }) => name);
    const reader = dynamoDbReader(client, { table, keyAttributes });
    return (await reader.scan({ segment: 0, totalSegments: 1, limit: SAMPLE_ITEMS })).items;
  } finally {
    client.destroy();
  }
}
