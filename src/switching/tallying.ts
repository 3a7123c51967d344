// The tally of a replication, at a switch: says in the third Region which one is active, and after a loss marks the items
// of the active side that lack a write which had begun.

import { canonicalKey } from '../model/attribute-value.ts';
import { FerryError } from '../errors.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { retry } from '../pacing/retry.ts';
import type { Item, ReadableTable } from '../ports.ts';
import { batchGetItems } from '../resync/batch-get-items.ts';
import {
  isBehind,
  quarantineItem,
  raisedActive,
  tallyRowOf,
  type TallyRow,
} from '../tally/tally-row.ts';
import type { SwitchPorts } from './ports.ts';

export interface TallyReading {
  /** Where to read on. */
  after: Item | undefined;
  isDone: boolean;
  rows: number;
  quarantined: number;
}

export function newTallyReading(): TallyReading {
  return { after: undefined, isDone: false, rows: 0, quarantined: 0 };
}

/**
 * Applications of the other Region are refused from now on. Sending it again is harmless.
 * @throws FerryError `tally.epoch` where another epoch is there, and applications of this Region would be refused.
 */
export async function raiseEpoch(epoch: number, ports: SwitchPorts): Promise<void> {
  const { tally, replication, target } = ports;
  if (tally === undefined) return;
  const active = { replication, epoch, region: target.region };
  const input = raisedActive(tally.table, active);
  const { kind } = await retry(() => tally.writer.write({ operation: 'PutItem', input }), ports);
  if (kind === 'written') return;
  throw new FerryError(`The table ${tally.table} knows of a later epoch than ${epoch}.`, {
    code: 'tally.epoch',
    hint: `If no other switch is under way, an earlier deployment has left it: delete the item ${replication}#active, and run the command again.`,
  });
}

const PAGES_MAX = 20;
const KEYS_AT_ONCE = 100;
const BATCHES_AT_ONCE = 8;

/** Compares a piece of the tally with the active side, which is as far as it ever will be, or nearly so. */
export async function compareTally(reading: TallyReading, ports: SwitchPorts): Promise<boolean> {
  const { tally } = ports;
  if (tally === undefined) return true;
  for (let page = 1; page <= PAGES_MAX && !reading.isDone; page += 1) {
    const position = { segment: 0, totalSegments: 1, after: reading.after };
    const { items, next } = await retry(() => tally.rows.scan(position), ports);
    const rows = items.flatMap((item) => tallyRowOf(ports.replication, item) ?? []);
    const batches = Array.from({ length: Math.ceil(rows.length / KEYS_AT_ONCE) }, (_, at) =>
      rows.slice(at * KEYS_AT_ONCE, (at + 1) * KEYS_AT_ONCE),
    );
    const tasks = batches.map((batch) => () => compareBatch(batch, reading, ports));
    await inParallel(tasks, BATCHES_AT_ONCE);
    reading.rows += rows.length;
    reading.after = next;
    reading.isDone = next === undefined;
  }
  return reading.isDone;
}

async function compareBatch(
  rows: readonly TallyRow[],
  reading: TallyReading,
  ports: SwitchPorts,
): Promise<void> {
  const { table } = ports.target;
  const found = new Map(await batchGetItems({ keys: rows.map(({ key }) => key) }, table, ports));
  for (const row of rows) {
    const keyText = canonicalKey(row.key);
    if (!found.has(keyText)) found.set(keyText, await readOne(row.key, table, ports));
    if (!isBehind(row.n, found.get(keyText))) continue;
    reading.quarantined += 1;
    await quarantine(row, ports);
  }
}

function readOne(key: Item, table: ReadableTable, ports: SwitchPorts) {
  return retry(() => table.get(key), ports);
}

/** @param row of a number that the item is to have; with 0, it has it. */
async function quarantine(row: TallyRow, ports: SwitchPorts): Promise<void> {
  const { replication, target, clock } = ports;
  const Item = quarantineItem(replication, row, clock.now());
  const input = { TableName: target.rules.stateTable, Item };
  await retry(() => target.writer.write({ operation: 'PutItem', input }), ports);
}

/** The operator has decided that the write is not wanted. */
export async function release(key: Item, ports: SwitchPorts): Promise<void> {
  if (ports.tally !== undefined) await quarantine({ key, n: 0 }, ports);
}
