// A replication before its first record: an engine for each Region, with the tables that a deployment makes there,
// and a configuration that names them.

import { join } from 'node:path';
import { parseConfig } from '../src/config/config.ts';
import { LEDGER_ATTRIBUTES, stateTableName } from '../src/config/names.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { type LocalRegion, openLocalRegion } from '../src/local/engine/local-region.ts';
import type { KeySchema } from '../src/local/run/workload.ts';
import { CREDENTIALS } from './approach.ts';

export interface TwoRegionsOptions {
  readonly name: string;
  /** Of `Orders`, the table on both sides. @default those of `makeBatch` */
  readonly keys?: KeySchema;
  /** Whether the source has a stream already. @default true */
  readonly stream?: boolean;
  /** Of the files that keep the tables. @default memory */
  readonly directory?: string;
}

export const ORDER_KEYS: KeySchema = {
  partitionKey: { name: 'pk', type: 'S' },
  sortKey: { name: 'sk', type: 'S' },
};
export const STATE_KEYS: KeySchema = { partitionKey: { name: LEDGER_ATTRIBUTES.id, type: 'S' } };

export async function openTwoRegions({
  name,
  keys = ORDER_KEYS,
  stream = true,
  directory,
}: TwoRegionsOptions) {
  const open = (region: string) =>
    openLocalRegion({
      region,
      credentials: CREDENTIALS,
      dbPath: directory === undefined ? undefined : join(directory, `${region}.db`),
    });
  const [source, destination] = await Promise.all([open('us-east-1'), open('eu-west-1')]);
  const view = stream ? 'NEW_IMAGE' : undefined;
  const streamArn = (await source.createTable('Orders', keys, { stream: view })) ?? '';
  await createDestination(destination, name, keys);
  const [here, there] = [source, destination].map(({ region, endpoint }) => ({
    region,
    table: 'Orders',
    endpoint,
  }));
  const configuration = {
    replications: [{ name, source: { ...here, create: true, ...keys }, destination: there }],
  };
  return {
    source,
    destination,
    /** Empty where the source has no stream yet. */
    streamArn,
    /** For a configuration file. */
    configuration,
    replication: parseConfig(configuration).replications[0] as ReplicationConfig,
    close: () => Promise.all([source.close(), destination.close()]),
  };
}

/** The twin and the state table. */
export async function createDestination(
  { createTable }: Pick<LocalRegion, 'createTable'>,
  name: string,
  keys = ORDER_KEYS,
): Promise<void> {
  await createTable('Orders', keys);
  await createTable(stateTableName(name), STATE_KEYS);
}
