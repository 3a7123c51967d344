// The end of a run in both directions: everything arrives, nothing goes on, an operator merges what strays have left, the
// tables are compared, and conflicts are counted a second time, without Ferry.

import { paginateScan } from '@aws-sdk/client-dynamodb';
import type { LoserKind } from '../../model/loser.ts';
import type { Clock } from '../../ports.ts';
import { counted } from '../../text/number-text.ts';
import { compareTables, type TableReport } from '../run/compare-tables.ts';
import type { BothDirections, LocalWorld } from '../run/local-world.ts';
import type { BothCounts } from './both-summary.ts';
import { bothSettled, ferryWrites } from './ferry-writes.ts';
import type { Operator } from './operator.ts';
import { keyTextOf } from './stamped-traffic.ts';
import type { Traffic } from './traffic.ts';
import { concurrentLosses } from './write-log.ts';

export interface SettleOptions {
  readonly both: BothDirections;
  readonly operator: Operator;
  readonly clock: Clock;
  readonly traffic: Pick<Traffic, 'log' | 'lastWrites'>;
  readonly onStory: (line: string) => void;
  readonly onComparing: () => void;
}

/** Several invocations would fit: a stream with records is read within a fraction of it. */
const REST_MS = 3_000;

export async function settleBoth(
  options: SettleOptions,
): Promise<BothCounts & { readonly report: TableReport }> {
  const { both, operator, clock, traffic, onStory, onComparing } = options;
  await bothSettled(both);
  const written = ferryWrites(both);
  await clock.sleep(REST_MS);
  const writesAtRest = ferryWrites(both) - written;
  onComparing();
  let report = await compareTables(both.outward, clock);
  const strayDifferences = differencesIn(report);
  if (strayDifferences > 0) {
    const merge = mergeOf(both.outward);
    onStory(
      `Strays have left ${counted(strayDifferences, 'item')} different. The operator runs ferry ${merge.join(' ')}.`,
    );
    await operator(...merge);
    await bothSettled(both);
    report = await compareTables(both.outward, clock);
  }
  const left = await writesLeft(both.outward);
  return {
    report,
    expectedConflicts: concurrentLosses(traffic.log, (keyText) => left.get(keyText)).length,
    ferryWrites: ferryWrites(both),
    writesAtRest,
    strayDifferences,
    lostWrites: lostWrites(traffic, left),
    losersKept: await losersListed(options),
  };
}

/** Where both items are strays, versions do not tell which one is to stay, and the operator does. Homes always tell. */
function mergeOf({ replication: { twoWay } }: LocalWorld): readonly string[] {
  // On one machine, an item that is on its way arrives in a fraction of it.
  const merge = ['merge', '--apply', '--settle', '2'];
  return twoWay?.mode === 'home' ? merge : [...merge, '--prefer', 'source'];
}

function differencesIn({ missing, different, extraneous }: TableReport): number {
  return missing + different + extraneous;
}

export function lostWrites(
  traffic: Pick<Traffic, 'lastWrites'>,
  left: ReadonlyMap<string, string | undefined>,
): number {
  return [...traffic.lastWrites()].filter(([keyText, id]) => left.get(keyText) !== id).length;
}

/** Of each item, the id of the write that is there. */
export async function writesLeft({
  source: { client },
  replication,
  schema,
}: LocalWorld): Promise<ReadonlyMap<string, string | undefined>> {
  const left = new Map<string, string | undefined>();
  const TableName = replication.source.table;
  for await (const page of paginateScan({ client }, { TableName, ConsistentRead: true }))
    for (const item of page.Items ?? []) left.set(keyTextOf(item, schema), item['write']?.S);
  return left;
}

/** What `ferry conflicts` finds. */
async function losersListed({ operator, onStory }: SettleOptions): Promise<number> {
  const listed = (await operator('conflicts')) as Readonly<Record<LoserKind, number>>;
  const { replaced, removed, stray } = listed;
  const lost = replaced + removed;
  onStory(
    `ferry conflicts lists ${counted(lost, 'write')} that lost, and ${counted(stray, 'stray')}.`,
  );
  return lost + stray;
}
