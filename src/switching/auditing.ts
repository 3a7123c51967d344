// Steps 0, 3 and 4 of a switch: reads the stream of the table that is drained, looks up the last record of each key at
// the twin, applies behind the fence what has not arrived, and asks for what was put aside.

import { APPLICATION_QUIET_MS } from '../config/names.ts';
import { SEQUENCE_DIGITS } from '../model/guard.ts';
import { momentNow } from '../pacing/moment.ts';
import type { Item } from '../ports.ts';
import { applyBehind, onward, requireAllowed, resynchronizeKeys } from './applying.ts';
import type { AuditedKey } from './audit-memory.ts';
import { lagOf, previewOf, readOpenWork } from './checking.ts';
import { compareOn, newComparison, type TableComparison } from './comparing.ts';
import { changeBoth, requireOwn } from './copies.ts';
import { cancelFor } from './fencing.ts';
import { lookAtBehind } from './looking.ts';
import { deleteMarkers, hasMarkers, writeMarkers } from './markers.ts';
import { isAccepted, whatIsOpen } from './open-work.ts';
import type { OpenLetter, SwitchPorts } from './ports.ts';
import { readOn } from './reading.ts';
import { endWith, goOn, type Phase, type SwitchWork } from './run.ts';
import { EMPTY_READS, isNearTip, isReadThrough } from './shards.ts';
import { isClear, type LeftItem, type OpenWork, type StepResult } from './step.ts';

/** As near to the tip of the stream as an audit comes beside the traffic. */
const NEAR_TIP_MS = 60_000;
/** What is still behind after so long without progress has to be applied behind the fence. */
const CALM_MS = 30_000;
/** Of records that are behind, in memory. */
const BEHIND_BYTES_MAX = 128 * 1_024 * 1_024;
/** Between two looks that have found nothing new. */
const PAUSE_MS = 250;
/** Beside the traffic, it need not be quick: each look at what is behind costs reads. */
const AHEAD_PAUSE_MS = 1_000;
/** How often the progress is written to both copies. */
const NOTE_EVERY_MS = 15_000;
/** Of what could not be applied: enough to see why. */
const REJECTED_SHOWN = 100;

export const auditAhead: Phase = async (work, ports) => {
  if (work.isClaimed) await requireOwn(work, ports);
  const { audit, request } = work;
  const before = placesIn(audit);
  await auditPiece(work, ports);
  if (audit.isTrimmed) return trimmed(work);
  const nowMs = ports.clock.now();
  const isNear = [...audit.shards.values()].every(
    (shard) => shard.ended || isNearTip(shard, nowMs, NEAR_TIP_MS),
  );
  if (!isNear && !isHeldUp(work)) {
    work.leastBehind = Infinity;
    // Without a pause, reads of what is not there yet would only be taken from the stream's other readers.
    return goOn(work, 'ahead', placesIn(audit) === before ? PAUSE_MS : 0);
  }
  const isCaughtUp = work.fencedAtMs !== undefined || lagOf(work, nowMs) <= NEAR_TIP_MS;
  if (!(isNear && isCaughtUp) && !isCalm(work, nowMs)) return goOn(work, 'ahead', AHEAD_PAUSE_MS);
  work.isAhead = true;
  if (!request.apply)
    return endWith(work, { kind: 'preview', preview: await previewOf(work, ports) });
  return goOn(work, work.isClaimed ? 'fencing' : 'claiming');
};

function placesIn({ shards }: SwitchWork['audit']): string {
  return [...shards.values()].map(({ after, ended }) => `${after} ${ended}`).join();
}

/** Nothing more is read then. */
function isHeldUp({ audit }: SwitchWork): boolean {
  return audit.bytes >= BEHIND_BYTES_MAX;
}

/** Whether the number of keys that are behind has not fallen for a while. */
function isCalm(work: SwitchWork, nowMs: number): boolean {
  const { size } = work.audit.behind;
  if (size < work.leastBehind) {
    work.leastBehind = size;
    work.calmSinceMs = nowMs;
  }
  return nowMs - work.calmSinceMs >= CALM_MS;
}

/** @returns the keys that are still behind, of those that were looked at. */
async function auditPiece(work: SwitchWork, ports: SwitchPorts): Promise<readonly AuditedKey[]> {
  if (!isHeldUp(work)) await readOn(work.audit, ports.old.stream, ports);
  return lookAtBehind(work.audit, ports.target, ports);
}

/** Behind the fence: until each open shard has shown a marker. */
export async function auditToMarkers(
  work: SwitchWork,
  ports: SwitchPorts,
): Promise<readonly AuditedKey[]> {
  if (hasMarkers(ports) && !isHeldUp(work)) await writeMarkers(work, ports);
  return auditPiece(work, ports);
}

export const audit: Phase = async (work, ports) => {
  await requireOwn(work, ports);
  if (isLate(work, ports)) return cancelFor(work, 'it has taken longer than the time-out');
  const before = work.audit.records;
  const behind = await auditToMarkers(work, ports);
  await applyBehind(behind, work, ports);
  if (work.audit.isTrimmed) return trimmed(work);
  const nowMs = ports.clock.now();
  const isNew = work.audit.records > before;
  if (isNew || !isAtTip(work, ports)) work.calmSinceMs = nowMs;
  await note(work, ports);
  if (!isAtTip(work, ports) || !isQuiet(work, ports))
    return goOn(work, 'auditing', isNew ? 0 : PAUSE_MS);
  const rejected = rejectedOf(work);
  if (rejected.length < work.audit.behind.size) return goOn(work, 'auditing', PAUSE_MS);
  if (rejected.length > 0) return unproven(work, { ...NOTHING, rejected });
  await deleteMarkers(work, ports);
  return goOn(work, isFull(work, ports) ? 'comparing' : 'letters');
};

const NOTHING: OpenWork = { letters: [], batches: 0, lost: 0, backfill: false, rejected: [] };

/** Every closed shard to its end, and every open one to a marker; without markers, as far as it seems. */
export function isAtTip(work: SwitchWork, ports: SwitchPorts): boolean {
  const { markers, audit } = work;
  return isReadThrough(audit.shards.values(), ({ nonce, emptyReads }) =>
    hasMarkers(ports)
      ? markers !== undefined && nonce === markers.nonce
      : emptyReads >= EMPTY_READS,
  );
}

/** An application that has promised to write no more is believed after a while. */
function isQuiet({ calmSinceMs, request }: SwitchWork, { old, clock }: SwitchPorts): boolean {
  if (old.fence.kind === 'policy') return true;
  return clock.now() - calmSinceMs >= (request.quietMs ?? APPLICATION_QUIET_MS);
}

export function isFull({ request }: SwitchWork, ports: SwitchPorts): boolean {
  return request.proof === 'full' || !hasMarkers(ports);
}

function isLate({ request, ownFenceAtMs }: SwitchWork, { clock }: SwitchPorts): boolean {
  const { timeoutMs = Infinity } = request;
  return ownFenceAtMs !== undefined && clock.now() - ownFenceAtMs > timeoutMs;
}

function rejectedOf({ audit: { behind, keys } }: SwitchWork): LeftItem[] {
  return [...behind].flatMap((keyText) => {
    const { key, rejected: why } = keys.get(keyText) ?? {};
    return key === undefined || why === undefined ? [] : [{ key, why }];
  });
}

async function note(work: SwitchWork, ports: SwitchPorts): Promise<void> {
  const nowMs = ports.clock.now();
  if (nowMs - work.notedAtMs < NOTE_EVERY_MS) return;
  work.notedAtMs = nowMs;
  await changeBoth({ step: 'fenced' }, { work, ports });
}

/** Makes the twin as the source is, and compares again, until there is no difference. */
export const compare: Phase = async (work, ports) => {
  await requireOwn(work, ports);
  if (isLate(work, ports)) return cancelFor(work, 'it has taken longer than the time-out');
  const comparison = (work.comparison ??= newComparison());
  if (!(await compareOn(comparison, ports))) return goOn(work, 'comparing');
  const { unreadable } = comparison;
  if (unreadable.length > 0) return unproven(work, { ...NOTHING, rejected: unreadable });
  const differing = unexcused(comparison, work);
  if (differing.length === 0) return goOn(work, 'letters');
  const context = onward(work, ports);
  const { rejected, changed } = await resynchronizeKeys(differing, context, ports);
  requireAllowed(context, ports.target);
  work.audit.applied += changed;
  work.comparison = newComparison();
  return rejected.length > 0
    ? unproven(work, { ...NOTHING, rejected })
    : goOn(work, 'comparing', PAUSE_MS);
};

/** An accepted letter excuses its own record: what came later of its key must have arrived. */
export function unexcused(
  { differences }: TableComparison,
  { excused, audit: { keys } }: Pick<SwitchWork, 'excused' | 'audit'>,
): Item[] {
  return [...differences].flatMap(([keyText, key]) => {
    const sequenceNumber = excused.get(keyText);
    const last = keys.get(keyText)?.version ?? '';
    const isExcused = sequenceNumber !== undefined && last.slice(-SEQUENCE_DIGITS) < sequenceNumber;
    return isExcused ? [] : [key];
  });
}

/** Letters and bucket, last: what was put aside by now is there. */
export const askForLetters: Phase = async (work, ports) => {
  await requireOwn(work, ports);
  const open = await stillOpen(work, ports);
  if (!isClear(open)) return unproven(work, open);
  await changeBoth({ step: 'audited' }, { work, ports });
  // A drain closes nothing, and waits all the same until late requests have landed.
  if (work.request.kind === 'drain') work.closedAt = momentNow(ports);
  return goOn(work, work.request.kind === 'drain' ? 'waiting' : 'closing');
};

export async function stillOpen(work: SwitchWork, ports: SwitchPorts): Promise<OpenWork> {
  const { open } = await readOpenWork(work.accepted, work.row, ports);
  return { ...open, letters: [...open.letters, ...malformedIn(work)] };
}

/** Also where its letter is gone. */
function malformedIn({ audit: { malformed }, request }: SwitchWork): OpenLetter[] {
  const accepted = new Set(request.accepted);
  return malformed.filter((letter) => !isAccepted(letter, accepted));
}

/** The fence stays: the operator redrives or accepts what is open, and goes on, or cancels. */
function unproven(work: SwitchWork, open: OpenWork): StepResult {
  const shown = { ...open, rejected: open.rejected.slice(0, REJECTED_SHOWN) };
  return endWith(work, { kind: 'unproven', why: whatIsOpen(open), open: shown });
}

function trimmed(work: SwitchWork): StepResult {
  const why = 'the stream has lost records before they were read';
  return endWith(work, { kind: 'unproven', why, open: NOTHING });
}
