// Looks at some items of the twin again and again: what the stream shows of an item must never be older than
// what it has shown before, and a backfill must never copy over it.

import { BatchGetItemCommand, type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { setTimeout as delay } from 'node:timers/promises';
import { LEDGER_ATTRIBUTES } from '../../src/config/names.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { canonicalKey, decodeItem } from '../../src/model/attribute-value.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { keyOf } from './steady-writer.ts';

export interface TwinWatch {
  readonly looks: number;
  /** An older state over a newer one: never allowed. */
  readonly steppedBack: string[];
  /** A lower version in the place of a higher one, without a delete between them: never allowed. */
  readonly versionsDown: string[];
  /** A backfill's copy of an item that the stream had written or deleted before: never allowed. */
  readonly copiedOver: string[];
  /**
   * Times that an item was back after its delete: "Back for a while" in docs/guarantees.md, with checked
   * tombstones. How often, nobody can say beforehand; with strict ones, never.
   */
  readonly passing: number;
  /** Those that still were when it looked last: never allowed once their deletes have been looked at again. */
  readonly stillBack: readonly string[];
  readonly finished: Promise<void>;
}

const PAUSE_MS = 20;
/** A copy has the version below every record of the stream. */
const COPIED = /\.0{40}$/;
/** A repair writes just above what was there. */
const REPAIRED = /~$/;

export function watchTwin(
  client: DynamoDBClient,
  replication: ReplicationConfig,
  { keys, stop }: { readonly keys: number; readonly stop: AbortSignal },
): TwinWatch {
  const { table } = replication.destination;
  const watched = Array.from({ length: Math.min(100, keys) }, (_, number) => keyOf(number));
  const shown = new Map<string, { write: number; isThere: boolean }>();
  const watch = { looks: 0, steppedBack: [] as string[], versionsDown: [] as string[], passing: 0 };
  const versions = new Map<string, string>();
  const copiedOver = new Set<string>();
  const back = new Map<string, string>();
  // An item may be deleted and back between two looks, most of all while its engine is down.
  const wasDeleted = async (pk: string, held: string) => {
    const keyText = canonicalKey(decodeItem({ pk: { S: pk } }, 'key'));
    const Key = ledgerRowKey({ replication: replication.name }, keyText);
    const { Item } = await client.send(
      new GetItemCommand({ TableName: replication.stateTable, Key, ConsistentRead: true }),
    );
    return (Item?.[LEDGER_ATTRIBUTES.deleted]?.S ?? '') >= held;
  };
  const look = async () => {
    const { Responses } = await client.send(
      new BatchGetItemCommand({
        RequestItems: { [table]: { Keys: watched, ConsistentRead: true } },
      }),
    );
    watch.looks += 1;
    const found = new Map((Responses?.[table] ?? []).map((item) => [item['pk']?.S ?? '', item]));
    for (const { pk } of watched) {
      let before = shown.get(pk.S) ?? { write: 0, isThere: false };
      const version = found.get(pk.S)?.['_ferry']?.M?.['v']?.S ?? '';
      const held = versions.get(pk.S) ?? '';
      if (version !== '' && version < held) {
        if (await wasDeleted(pk.S, held)) before = { ...before, isThere: false };
        else watch.versionsDown.push(`${pk.S}: ${version} in the place of ${held}`);
      }
      versions.set(pk.S, version);
      if (COPIED.test(version) && before.write > 0) copiedOver.add(`${pk.S}: over ${before.write}`);
      // Both take items as they are at the source, ahead of the stream, which is still to catch up with them:
      // "Catching up with a copy" in docs/guarantees.md.
      if (COPIED.test(version) || REPAIRED.test(version)) continue;
      const write = Number(found.get(pk.S)?.['write']?.N ?? Number.NaN);
      const isThere = !Number.isNaN(write);
      if (!isThere || write >= before.write) back.delete(pk.S);
      else if (!before.isThere) {
        watch.passing += 1;
        back.set(pk.S, `${pk.S}: ${write} after the delete of ${before.write}`);
      } else if (!back.has(pk.S)) {
        watch.steppedBack.push(`${pk.S}: ${write} over ${before.write}`);
      }
      shown.set(pk.S, { write: isThere ? Math.max(write, before.write) : before.write, isThere });
    }
  };
  const run = async () => {
    while (!stop.aborted) {
      // The engine may be down.
      await look().catch(() => undefined);
      await delay(PAUSE_MS);
    }
    await look();
  };
  return {
    get looks() {
      return watch.looks;
    },
    get passing() {
      return watch.passing;
    },
    get stillBack() {
      return [...back.values()];
    },
    get copiedOver() {
      return [...copiedOver];
    },
    steppedBack: watch.steppedBack,
    versionsDown: watch.versionsDown,
    finished: run(),
  };
}
