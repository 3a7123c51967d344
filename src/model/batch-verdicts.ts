// Records of a batch -> what is to become of each, before any is written: by its time, its stream and its key.

import { type Consent, type RecordVerdict, verdictOn } from './control-copies.ts';
import { type ControlRow, standingOf } from './control-row.ts';
import { isMarker } from './marker.ts';
import { type ParsedRecord, streamArnOf } from './stream-record.ts';

/** `marker`: of a switch, and no data. `timeless`: it does not tell its time, and cannot be judged. */
export type BatchVerdict = RecordVerdict | 'marker' | 'timeless';

export interface Judging {
  readonly consent: Consent;
  /** The copy beside the source. */
  readonly own: ControlRow;
  /** Of the source. */
  readonly region: string;
}

/** @param raw the records as Lambda delivered them. */
export function verdictsOn(
  parsed: readonly ParsedRecord[],
  raw: readonly unknown[],
  judging: Judging,
): BatchVerdict[] {
  const { consent, region } = judging;
  // Many records share a second, and nearly always all of them a stream.
  const byTime = keepingLast((seconds: number) => verdictOn(seconds, region, consent));
  const byStream = keepingLast((arn: string | undefined) => streamFacts(arn, judging));
  return parsed.map(({ kind, record }, index) => {
    if (record.key !== undefined && isMarker(record.key)) return 'marker';
    const seconds = kind === 'record' ? record.createdAtSeconds : timeIn(raw[index]);
    if (seconds === undefined) return consent.kind === 'open' ? 'timeless' : 'hold';
    const verdict = byTime(seconds);
    const { isForeign, isCurrent } = byStream(streamArnOf(raw[index]));
    return isForeign || (verdict === 'apply' && !isCurrent) ? 'hold' : verdict;
  });
}

function keepingLast<Key, Value extends string | object>(
  find: (key: Key) => Value,
): (key: Key) => Value {
  let last: { readonly key: Key; readonly value: Value } | undefined;
  return (key) => {
    if (last === undefined || last.key !== key) last = { key, value: find(key) };
    return last.value;
  };
}

/** A table that no epoch of the Region lists is another one, unless the Region has never been active. */
function streamFacts(arn: string | undefined, { own, region }: Judging) {
  // What names no stream makes no sense otherwise, either.
  if (arn === undefined) return { isForeign: false, isCurrent: true };
  const { kind } = standingOf(arn, own);
  const wasActive = own.epochs.some((epoch) => epoch.region === region);
  return { isForeign: kind === 'unknown' && wasActive, isCurrent: kind === 'current' };
}

/** Of a record that could not be parsed. */
function timeIn(raw: unknown): number | undefined {
  const change = (raw as { dynamodb?: { ApproximateCreationDateTime?: unknown } | null } | null)
    ?.dynamodb;
  const seconds = change?.ApproximateCreationDateTime;
  return typeof seconds === 'number' && seconds > 0 && Number.isFinite(seconds)
    ? seconds
    : undefined;
}
