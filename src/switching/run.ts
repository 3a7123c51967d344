// What one run of a planned switch remembers. It is not stored: another run claims the record again, and audits anew.

import { canonicalKey } from '../model/attribute-value.ts';
import type { ControlRow, Epoch } from '../model/control-row.ts';
import { padSequenceNumber } from '../model/guard.ts';
import type { SwitchRecord, SwitchStep } from '../model/switch-record.ts';
import type { Moment } from '../pacing/moment.ts';
import type { Item, Random } from '../ports.ts';
import type { AuditMemory } from './audit-memory.ts';
import type { TableComparison } from './comparing.ts';
import type { OpenLetter, SwitchPorts } from './ports.ts';
import type { SwitchProof } from './proof.ts';
import type {
  LeftItem,
  StepResult,
  SwitchCounts,
  SwitchPhase,
  SwitchRequest,
  SwitchResult,
} from './step.ts';

/** One run; `work` is there once both copies have been looked at. */
export interface SwitchState {
  readonly request: SwitchRequest;
  /** Of this run alone: it must not be used for another one, not even of the same operator. */
  readonly id: string;
  work?: SwitchWork | undefined;
}

export interface SwitchWork {
  readonly request: SwitchRequest;
  readonly id: string;
  phase: SwitchPhase;
  /** Of control rows so far: each has its own tag. */
  writes: number;
  /** That is to end; in the end, the one that was opened. */
  readonly epoch: Epoch;
  /** The copy that it was planned by. */
  readonly row: ControlRow;
  /** Of the run before, which this one takes over. */
  readonly before: SwitchRecord | undefined;
  /** Of runs before: each copy may have that of another. */
  readonly ids: readonly string[];
  /** The target's copy has been opened before. */
  readonly finishes: boolean;
  readonly audit: AuditMemory;
  /** Of the letters that the request accepts, those that are there. */
  readonly accepted: ReadonlySet<string>;
  /** Of their keys, by canonical text: the newest of their sequence numbers, padded. */
  readonly excused: ReadonlyMap<string, string>;
  readonly startedAtMs: number;
  isClaimed: boolean;
  claimedAt?: Moment | undefined;
  /** An earlier run has written the new epoch to the old copy, and let it go. */
  isReleased: boolean;
  isAhead: boolean;
  /** From when on writes were refused: by the first run that fenced, and by this one. */
  fencedAtMs: number | undefined;
  ownFenceAtMs?: number | undefined;
  /** Of the first probe in a row that was refused. */
  refusedSinceMs?: number | undefined;
  /** Since when the audit has found nothing new, or less behind. */
  calmSinceMs: number;
  leastBehind: number;
  closedAt?: Moment | undefined;
  reopened: number;
  comparison?: TableComparison | undefined;
  /** What the audit had read when it began to look again. */
  recordsBefore: number;
  lookedAgain: { keys: number; differences: number };
  notedAtMs: number;
  opened?: ControlRow | undefined;
  admittedAtMs?: number | undefined;
  proof?: SwitchProof | undefined;
  /** Keys of accepted letters, whose items are still to be repaired. */
  toRepair?: Item[] | undefined;
  /** How often some of them could not be written yet. */
  repairTries: number;
  readonly left: LeftItem[];
  cancelledFor?: string | undefined;
  markers?: MarkerRound | undefined;
  /** Of markers so far: each has its own nonce. */
  rounds: number;
}

/** Markers of one nonce: for which leaves, and how many. */
export interface MarkerRound {
  readonly nonce: string;
  readonly leaves: ReadonlySet<string>;
  written: number;
  writtenAtMs: number;
}

export function newSwitch(request: SwitchRequest, random: Random): SwitchState {
  const digits = Math.floor(random.next() * 2 ** 48).toString(16);
  return { request, id: digits.padStart(12, '0') };
}

export interface Beginning {
  readonly row: ControlRow;
  readonly epoch: Epoch;
  readonly before: SwitchRecord | undefined;
  readonly ids?: readonly string[];
  readonly finishes: boolean;
  readonly audit: AuditMemory;
  readonly letters: readonly OpenLetter[];
  readonly nowMs: number;
  readonly phase: SwitchPhase;
}

export function newWork({ request, id }: SwitchState, begin: Beginning): SwitchWork {
  const { nowMs, before, letters, ids = [], ...known } = begin;
  return {
    ...known,
    accepted: new Set(letters.flatMap(({ sequenceNumber }) => sequenceNumber ?? [])),
    excused: excusedBy(letters),
    request,
    id,
    before,
    ids,
    writes: 0,
    startedAtMs: before?.startedAtMs ?? nowMs,
    isClaimed: false,
    isReleased: false,
    isAhead: false,
    fencedAtMs: before?.fencedAtMs,
    calmSinceMs: nowMs,
    leastBehind: Infinity,
    reopened: 0,
    recordsBefore: 0,
    lookedAgain: { keys: 0, differences: 0 },
    notedAtMs: nowMs,
    repairTries: 0,
    left: [],
    rounds: 0,
  };
}

export function recordOf(work: SwitchWork, target: string, step: SwitchStep): SwitchRecord {
  const { id, startedAtMs, fencedAtMs, audit, request, accepted, before, finishes } = work;
  return {
    id,
    target,
    step,
    by: request.by,
    startedAtMs,
    ...(fencedAtMs !== undefined && { fencedAtMs }),
    letters: finishes ? (before?.letters ?? []) : [...accepted],
    keys: audit.keys.size - audit.behind.size,
    total: audit.keys.size,
  };
}

export function countsOf({ audit }: Pick<SwitchWork, 'audit'>): SwitchCounts {
  const { shards, records, keys, behind, applied } = audit;
  return { shards: shards.size, records, keys: keys.size, behind: behind.size, applied };
}

export const NO_COUNTS: SwitchCounts = { shards: 0, records: 0, keys: 0, behind: 0, applied: 0 };

/** Goes on with another phase, after a while. */
export function goOn(work: SwitchWork, phase: SwitchPhase, waitMs = 0): StepResult {
  work.phase = phase;
  return { phase, counts: countsOf(work), waitMs };
}

export function endWith(work: SwitchWork, result: SwitchResult): StepResult {
  work.phase = 'done';
  return { phase: 'done', counts: countsOf(work), waitMs: 0, result };
}

/** There is nothing to go on with. */
export function endedAtOnce(result: SwitchResult): StepResult {
  return { phase: 'done', counts: NO_COUNTS, waitMs: 0, result };
}

/** By canonical key. */
function excusedBy(letters: readonly OpenLetter[]): ReadonlyMap<string, string> {
  const newest = new Map<string, string>();
  for (const { key, sequenceNumber } of letters) {
    if (key === undefined || sequenceNumber === undefined) continue;
    const [keyText, padded] = [canonicalKey(key), padSequenceNumber(sequenceNumber)];
    if (padded > (newest.get(keyText) ?? '')) newest.set(keyText, padded);
  }
  return newest;
}

export type Phase = (work: SwitchWork, ports: SwitchPorts) => Promise<StepResult>;
