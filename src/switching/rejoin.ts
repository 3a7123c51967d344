// Takes a Region back that was lost: ends its epoch there, saves what it has and the active side has not, lets the way
// back catch up, and repairs it from the active side. Each call does a bounded piece of it; a run that takes over goes
// on where the copies of the control row say.

import { APPLICATION_QUIET_MS, LEASE_MS } from '../config/names.ts';
import { canonicalKey } from '../model/attribute-value.ts';
import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import { momentNow, waitLeftMs } from '../pacing/moment.ts';
import { isAtTip } from './auditing.ts';
import { checkedTime } from './clock-check.ts';
import { hasPassed } from './arrival.ts';
import { changeCopy, createMissing, readCopies, requireOwn, setFence } from './copies.ts';
import { FENCE_OPEN, PROBE_EVERY_MS, probeOnce } from './fencing.ts';
import { lookAtBehind } from './looking.ts';
import { deleteMarkers, hasMarkers, writeMarkers } from './markers.ts';
import { epochsAtRejoin, hadOpened } from './lost-epochs.ts';
import { isAccepted, openWork, whatIsOpen } from './open-work.ts';
import type { SwitchPorts } from './ports.ts';
import { readOn } from './reading.ts';
import { repairOn } from './rejoin-repair.ts';
import { beginRejoin, recordsOf, type RejoinWork } from './rejoin-work.ts';
import { countsOf, endWith, goOn, type SwitchState } from './run.ts';
import { newPass, saveOn } from './saving.ts';
import { classStranded } from './stranded-classes.ts';
import type { StrandedPlace } from './stranded-objects.ts';
import { countUndecided } from './stranded.ts';
import type { LeftItem, OpenWork, StepResult, SwitchPhase } from './step.ts';

type RejoinPhase = (work: RejoinWork, ports: SwitchPorts) => Promise<StepResult>;

/** @throws UsageError where no Region was lost, or what a request throws: another run goes on then. */
export async function nextRejoinStep(state: SwitchState, ports: SwitchPorts): Promise<StepResult> {
  // What the request asks for stays the same from the first call to the last.
  const work = state.work as RejoinWork | undefined;
  if (work === undefined) return beginRejoin(state, ports);
  if (work.isClaimed) await requireOwn(work, ports);
  const phase = PHASES[work.phase];
  if (phase === undefined) throw new Error(`a rejoin has no phase ${work.phase}`);
  const result = await phase(work, ports);
  return { ...result, counts: { ...countsOf(work), rejoin: { ...work.totals } } };
}

const PHASES: Partial<Record<SwitchPhase, RejoinPhase>> = {
  claiming,
  fencing,
  probing,
  closing,
  waiting,
  comparing,
  telling,
  'catching-up': catchingUp,
  classing,
  repairing,
  releasing,
};

/** What a run before this one has closed stays closed: an epoch that is over must not open again. */
async function claiming(work: RejoinWork, ports: SwitchPorts): Promise<StepResult> {
  const { lost, row } = work;
  const { n, region, fromMs, streams } = lost;
  const epochs = [...row.epochs.slice(0, -2), { n, region, fromMs, streams }];
  await createMissing({ ...work, row: { ...row, epochs } }, ports);
  const known = (await readCopies(ports)).old;
  const records = recordsOf(row, known.kind === 'row' ? known.row : undefined, ports);
  const free = [undefined, work.id, ...records.map(({ id }) => id)];
  const mayTake = (copy: ControlRow) => free.includes(copy.switch?.id);
  const claim = (copy: ControlRow) => ({
    step: 'rejoining' as const,
    ...(isClosed(copy) && { closing: true as const }),
  });
  await changeCopy('target', claim, { work, ports, mayTake });
  const claimed = await changeCopy('old', claim, { work, ports, mayTake });
  // A predecessor may have told it until now.
  work.isTold = newestEpoch(claimed).n === work.epoch.n;
  work.isClaimed = true;
  return goOn(work, 'fencing');
}

/** Its newest epoch is over, and the next one is not there yet. */
function isClosed(copy: ControlRow): boolean {
  return copy.closing === true && newestEpoch(copy).end !== undefined;
}

/** Its function of the way back may write to it again: the copies say when. */
async function fencing(work: RejoinWork, ports: SwitchPorts): Promise<StepResult> {
  const wish = { fenced: true, inboundRefused: false };
  const waitMs = await setFence('old', wish, { work, ports });
  if (waitMs > 0) return goOn(work, 'fencing', waitMs);
  work.ownFenceAtMs = ports.clock.now();
  if (work.isTold) return goOn(work, 'catching-up');
  return goOn(work, 'probing');
}

async function probing(work: RejoinWork, ports: SwitchPorts): Promise<StepResult> {
  if (ports.old.fence.kind === 'application') {
    const { quietMs = APPLICATION_QUIET_MS } = work.request;
    const leftMs = (work.ownFenceAtMs ?? 0) + quietMs - ports.clock.now();
    return leftMs > 0 ? goOn(work, 'probing', leftMs) : goOn(work, 'closing');
  }
  const state = await probeOnce(work, ports);
  if (state === 'open') return unproven(work, FENCE_OPEN);
  return state === 'effective' ? goOn(work, 'closing') : goOn(work, 'probing', PROBE_EVERY_MS);
}

/** The epoch ends now, not when the other side was opened: a Region that was cut off may have been written on. */
async function closing(work: RejoinWork, ports: SwitchPorts): Promise<StepResult> {
  const nowMs = await checkedTime(ports.old, ports);
  const endMs = Math.ceil(nowMs / 1000) * 1000;
  const close = (copy: ControlRow) => ({
    step: 'rejoining' as const,
    closing: true as const,
    epochs: epochsAtRejoin(copy, work.lost, endMs),
  });
  const closed = await changeCopy('old', close, { work, ports });
  work.hadOpened = hadOpened(closed, work.lost);
  work.closedAt = momentNow(ports);
  return goOn(work, 'waiting');
}

/** Longer than a lease, so that no function judges records by what the copy was. */
async function waiting(work: RejoinWork, ports: SwitchPorts): Promise<StepResult> {
  const { closedAt = momentNow(ports) } = work;
  const leftMs = waitLeftMs(closedAt, LEASE_MS + LEASE_MARGIN_MS, ports);
  if (leftMs > 0) return goOn(work, 'waiting', leftMs);
  // What differs from a Region that had not been opened is not there yet, and the repair brings it.
  return goOn(work, work.hadOpened ? 'comparing' : 'telling');
}

/** The epoch ends up to a second behind the close. */
const LEASE_MARGIN_MS = 3_000;

async function comparing(work: RejoinWork, ports: SwitchPorts): Promise<StepResult> {
  const { pass, totals } = work;
  const isDone = await saveOn(pass, placeOf(work, ports), ports, () => requireOwn(work, ports));
  Object.assign(totals, { items: pass.items, saved: pass.saved });
  pass.keys = [];
  noteUnreadable(work);
  return goOn(work, isDone ? 'telling' : 'comparing');
}

/** They hold up nothing: what the SDK cannot read today, it cannot read tomorrow. */
function noteUnreadable({ pass, unreadable }: RejoinWork): void {
  for (const item of pass.unreadable.splice(0)) unreadable.set(canonicalKey(item.key), item);
}

function placeOf({ lost }: RejoinWork, { drained }: SwitchPorts): StrandedPlace {
  const { bucket, rules } = drained;
  // A line that cannot be read waits for the operator, who sees it in the list.
  return { bucket, replication: rules.replication, epoch: lost.n, onUnreadable: () => undefined };
}

/** From now on the way back runs. */
async function telling(work: RejoinWork, ports: SwitchPorts): Promise<StepResult> {
  const open = (copy: ControlRow) => ({
    step: 'rejoining' as const,
    epochs: [...copy.epochs, work.epoch],
  });
  await changeCopy('old', open, { work, ports });
  work.toldAtMs = ports.clock.now();
  return goOn(work, 'catching-up');
}

/** Until all that the active side had written by then is here: else its own writes would be taken for stranded ones. */
async function catchingUp(work: RejoinWork, ports: SwitchPorts): Promise<StepResult> {
  const { audit, row } = work;
  if (!work.isRead) await readToMarkers(work, ports);
  await lookAtBehind(audit, ports.old, ports, hasPassed);
  const found = await ports.back.letters.read();
  const accepted = new Set(work.request.accepted);
  for (const letter of found.letters)
    if (letter.key !== undefined && isAccepted(letter, accepted))
      work.excusedKeys.add(canonicalKey(letter.key));
  const open = openWork(found, false, { row, accepted });
  if (open.letters.length + open.batches + open.lost > 0)
    return unproven(work, whatIsOpen(open), [], open);
  if (!work.isRead || audit.behind.size > 0) return goOn(work, 'catching-up', PAUSE_MS);
  return goOn(work, 'classing');
}

/** As an audit reads the stream of a side that it drains: an empty read is no end, and what is missed is misjudged. */
async function readToMarkers(work: RejoinWork, ports: SwitchPorts): Promise<void> {
  const there = { ...ports, old: ports.target };
  await readOn(work.audit, ports.target.stream, ports);
  if (hasMarkers(there)) await writeMarkers(work, there);
  const isLate = ports.clock.now() - work.toldAtMs >= APPLICATION_QUIET_MS;
  work.isRead = isAtTip(work, there) && (hasMarkers(there) || isLate);
  if (work.isRead) await deleteMarkers(work, there);
}

const PAUSE_MS = 500;

async function classing(work: RejoinWork, ports: SwitchPorts): Promise<StepResult> {
  const own = () => requireOwn(work, ports);
  if (work.hadOpened) work.totals.classed += await classStranded(placeOf(work, ports), ports, own);
  work.pass = newPass('overwritten');
  return goOn(work, 'repairing');
}

async function repairing(work: RejoinWork, ports: SwitchPorts): Promise<StepResult> {
  const { pass, totals, left, excusedKeys } = work;
  const isDone = await saveOn(pass, placeOf(work, ports), ports, () => requireOwn(work, ports));
  const { put, deleted, left: notRepaired } = await repairOn(pass.keys, work.epoch, ports);
  pass.keys = [];
  totals.put += put;
  totals.deleted += deleted;
  left.push(...notRepaired);
  noteUnreadable(work);
  if (!isDone) return goOn(work, 'repairing');
  const isExcused = left.every(({ key }) => excusedKeys.has(canonicalKey(key)));
  return isExcused ? goOn(work, 'releasing') : unproven(work, NOT_REPAIRED, left);
}

const NOT_REPAIRED = 'items could not be repaired';

async function releasing(work: RejoinWork, ports: SwitchPorts): Promise<StepResult> {
  const row = await changeCopy('old', { step: undefined }, { work, ports });
  await changeCopy('target', { step: undefined }, { work, ports });
  const undecided = await countUndecided(row, ports);
  const left = [...work.left, ...work.unreadable.values()];
  return endWith(work, { kind: 'rejoined', counts: work.totals, undecided, left });
}

/** The record stays: the next run goes on from the copies. */
function unproven(
  work: RejoinWork,
  why: string,
  rejected: readonly LeftItem[] = [],
  open: OpenWork = { letters: [], batches: 0, lost: 0, backfill: false, rejected: [] },
): StepResult {
  return endWith(work, { kind: 'unproven', why, open: { ...open, rejected } });
}
