// Writes that have lost, for people or for machines. Only what is asked for by its ID is shown with its contents.

import type { ConflictSums } from '../composition/conflicts.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import {
  type FoundLoser,
  imagesOf,
  type ListedLoser,
  type LoserList,
} from '../merge/kept-losers.ts';
import type { RestoreResult } from '../merge/restore-loser.ts';
import { type BySide, SIDE_NAMES, SIDES } from '../merge/sides.ts';
import { type Item, itemAsJson, itemJson } from '../model/attribute-value.ts';
import type { Origin } from '../model/rules.ts';
import { titleOf } from './call.ts';
import { counted, grouped } from './output.ts';
import { figures, listed } from './rows.ts';

type Sums = BySide<ConflictSums> | undefined;

export function conflictsFacts({ counts, newest, unreadable }: LoserList, sums: Sums) {
  return {
    ...counts,
    unreadable: unreadable.length,
    conflicts: newest.map(listedFacts),
    unreadableObjects: unreadable.map((one) => ({ ...one, side: SIDE_NAMES[one.side] })),
    ...(sums && { counted: { source: sums[1], destination: sums[2] } }),
  };
}

function listedFacts({ side, key, createdAtSeconds, ...loser }: ListedLoser) {
  const writtenAt = timeOf(createdAtSeconds);
  return { ...loser, side: SIDE_NAMES[side], key: itemAsJson(key), writtenAt };
}

interface Shown {
  readonly replication: ReplicationConfig;
  readonly sums: Sums;
}

export function conflictsLines(list: LoserList, { replication, sums }: Shown): string[] {
  const { counts, newest, unreadable } = list;
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const rows = newest.map(({ createdAtSeconds, kind, side, key, id }) => [
    timeOf(createdAtSeconds),
    kind,
    regionOf(side, replication),
    itemJson(key),
    id,
  ]);
  const more = all - newest.length;
  return [
    titleOf(replication),
    ...(all === 0 ? ['No write that has lost is kept.'] : []),
    ...figures(
      Object.entries(counts).flatMap(([kind, count]) =>
        count === 0 ? [] : [[kind, grouped(count)] as const],
      ),
    ),
    ...listed(rows),
    ...(more > 0 ? [`and ${grouped(more)} older: --limit shows more of them.`] : []),
    ...unreadable.map(({ id, problem }) => `unreadable ${id}: ${problem}`),
    ...(replication.twoWay?.losers === 'keep' ? [] : countLines(sums, replication)),
    ...(all > 0 ? ['`ferry conflicts show ID` shows what has lost and what has won.'] : []),
  ];
}

function countLines(sums: Sums, replication: ReplicationConfig): string[] {
  const only = 'Writes that have lost are only counted: set "losers": "keep" to keep them.';
  if (sums === undefined) return [only];
  return [
    only,
    ...SIDES.map((side) => {
      const { conflicts, strays } = sums[side];
      return `Counted in ${regionOf(side, replication)}: ${counted(conflicts, 'conflict')}, ${counted(strays, 'stray write')}.`;
    }),
  ];
}

function regionOf(side: Origin, { source, destination }: ReplicationConfig): string {
  return side === 1 ? source.region : destination.region;
}

const timeOf = (seconds: number) => new Date(seconds * 1000).toISOString();

export function loserFacts({ side, loser }: FoundLoser) {
  const images = imagesOf(loser).map(([name, item]) => [name, jsonOf(item)] as const);
  return {
    side: SIDE_NAMES[side],
    kind: loser.kind,
    key: itemAsJson(loser.key),
    writtenAt: timeOf(loser.createdAtSeconds),
    lostVersion: loser.lostVersion,
    wonVersion: loser.wonVersion,
    ...Object.fromEntries(images),
  };
}

const jsonOf = (item: Item | undefined) => (item === undefined ? null : itemAsJson(item));

export function loserLines({ side, loser }: FoundLoser, replication: ReplicationConfig): string[] {
  const { kind, key, createdAtSeconds, lostVersion, wonVersion } = loser;
  return [
    titleOf(replication),
    ...listed([
      ['kind', `${kind}: ${MEANINGS[kind]}`],
      ['Region', regionOf(side, replication)],
      ['key', itemJson(key)],
      ['written', timeOf(createdAtSeconds)],
      ...imagesOf(loser).map(([name, item]) => [
        name,
        item === undefined ? 'no item' : itemJson(item),
      ]),
      ['lost version', lostVersion ?? 'none'],
      ['won version', wonVersion ?? 'none'],
    ]),
  ];
}

const MEANINGS = {
  replaced: 'a write of the other Region has replaced it',
  removed: 'a delete of the other Region has removed it',
  stray: 'it is not replicated',
} as const;

interface Restored {
  readonly replication: ReplicationConfig;
  readonly apply: boolean;
}

export function restoredLines(
  { side, loser }: FoundLoser,
  result: RestoreResult,
  { replication }: Restored,
): string[] {
  const where = `in ${regionOf(side, replication)}`;
  const what = `${itemJson(loser.key)} ${where}`;
  switch (result.kind) {
    case 'restored':
      return [`Restored ${what}. Its version is ${result.version}, and its stream carries it.`];
    case 'restore':
      return [
        `${what} would be restored with version ${result.version}.`,
        'Nothing was changed. Run the command with --apply.',
      ];
    case 'equal':
      return [`${what} has these contents already.`];
    case 'refused':
      return [
        `${what} cannot be restored: ${result.why}.`,
        `To have it again, write it ${wayOf(replication)}.`,
      ];
    case 'unfinished':
      return [`${what} was not restored: ${result.why}. Run the command again.`];
  }
}

function wayOf({ twoWay }: ReplicationConfig): string {
  return twoWay?.mode === 'home' ? 'at its home' : 'with the plug-in, as an application does';
}
