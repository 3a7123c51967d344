// Records of a batch, and how they ended -> what is kept of them where both tables are written: what was there before,
// where it has lost a conflict, and strays.

import { clockMsAt } from '../model/clock-version.ts';
import { versionIn } from '../model/guard.ts';
import type { Loser, LoserKind } from '../model/loser.ts';
import { oldImageOf } from '../model/projected-record.ts';
import type { StreamRules } from '../model/rules.ts';
import type { StreamRecord } from '../model/stream-record.ts';
import type { WriteOutcome } from './apply-lane.ts';
import type { BatchRecord } from './control-keeper.ts';

type Rules = Pick<StreamRules, 'replication' | 'reservedAttribute'>;

/** By position. @param raw the records as Lambda delivered them. */
export function losersIn(
  records: readonly BatchRecord[],
  raw: readonly unknown[],
  { outcomes, rules }: { readonly outcomes: readonly WriteOutcome[]; readonly rules: Rules },
): Map<number, Loser> {
  const losers = new Map<number, Loser>();
  for (const [position, { kind, record }] of records.entries()) {
    if (kind === 'malformed' || !('eventName' in record)) continue;
    const loserKind = kindOf(outcomes[position], record as StreamRecord);
    if (loserKind !== undefined)
      losers.set(position, loserOf(loserKind, record as StreamRecord, raw[position], rules));
  }
  return losers;
}

function kindOf(outcome: WriteOutcome | undefined, record: StreamRecord): LoserKind | undefined {
  if (outcome?.kind === 'stray') return 'stray';
  if (outcome?.kind !== 'own' || outcome.isConflict !== true) return undefined;
  return record.eventName === 'REMOVE' ? 'removed' : 'replaced';
}

function loserOf(kind: LoserKind, record: StreamRecord, raw: unknown, rules: Rules): Loser {
  const { key, keyText, sequenceNumber } = record;
  const before = oldImageOf(raw);
  const after = record.eventName === 'REMOVE' ? undefined : record.newImage;
  const [lost, won] = kind === 'stray' ? [after, before] : [before, after];
  const versionOf = (image: typeof after) => versionIn(image?.[rules.reservedAttribute]);
  return {
    replication: rules.replication,
    kind,
    key,
    keyText,
    sequenceNumber,
    // Its object has a date, whatever the record says.
    createdAtSeconds: clockMsAt(record.createdAtSeconds) / 1000,
    lost,
    lostVersion: versionOf(lost),
    won,
    wonVersion: versionOf(won),
  };
}
