// Records of a message or object, parsed and projected once -> those of this replication, and those that a redrive is
// about.

import type { ControlRow } from '../model/control-row.ts';
import type { FailedRecord, RedriveFilter } from '../model/failure-message.ts';
import { projectRecord } from '../model/projected-record.ts';
import type { ProjectingRules } from '../model/rules.ts';
import { type ParsedRecord, parseStreamRecord, streamArnOf } from '../model/stream-record.ts';
import { isForeign, seriesOfFailed } from './replay.ts';

/** One change that was put aside. */
export interface DeadLetter extends FailedRecord {
  /** Absent where the record does not name it. */
  readonly streamArn: string | undefined;
  readonly parsed: ParsedRecord;
}

/** Versions begin with the epoch: under another control row, a letter has another one. */
export function parseDeadLetters(
  records: readonly FailedRecord[],
  control: ControlRow,
  rules: ProjectingRules,
): readonly DeadLetter[] {
  const seriesOf = seriesOfFailed(control);
  return records.map(({ reason, failedAtMs, record, isProjected }) => {
    const parsed = projectRecord(parseStreamRecord(record, 0, seriesOf), record, rules);
    return { reason, failedAtMs, record, isProjected, streamArn: streamArnOf(record), parsed };
  });
}

export interface Selection {
  /** Of this replication. */
  readonly found: readonly DeadLetter[];
  /** Of these, the letters to redrive. */
  readonly selected: readonly DeadLetter[];
  /** How many are of another table. */
  readonly foreign: number;
}

interface SelectionRules {
  readonly filter: RedriveFilter;
  readonly limit: number;
  readonly rules: ProjectingRules;
}

/** A record that names no stream makes no sense, and is counted as such: it is not foreign. */
export function select(
  records: readonly FailedRecord[],
  control: ControlRow,
  { filter, limit, rules }: SelectionRules,
): Selection {
  const isOfThis = (streamArn: string | undefined) =>
    streamArn === undefined || !isForeign(streamArn, control);
  const ofThis = records.filter(({ record }) => isOfThis(streamArnOf(record)));
  const found = parseDeadLetters(ofThis, control, rules);
  const selected = found.filter((letter) => matches(letter, filter)).slice(0, Math.max(0, limit));
  return { found, selected, foreign: records.length - found.length };
}

export function matches(letter: DeadLetter, filter: RedriveFilter): boolean {
  const { reason, keyText, parkedBeforeMs = Infinity, parkedAfterMs = -Infinity } = filter;
  if (reason !== undefined && letter.reason !== reason) return false;
  if (letter.failedAtMs > parkedBeforeMs || letter.failedAtMs < parkedAfterMs) return false;
  return keyText === undefined || letter.parsed.record.keyText === keyText;
}
