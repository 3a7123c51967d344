// Steps 4 to 7 of a switch: closes both copies, waits until nothing that was begun before can land, looks at everything
// again, opens the target with one write, and tells the other side.

import { CLOSE_WAIT_MS } from '../config/names.ts';
import { itemJson } from '../model/attribute-value.ts';
import { type ControlRow, type Epoch, newestEpoch } from '../model/control-row.ts';
import { itemDigest } from '../model/discrepancy.ts';
import { endedEpochs } from '../model/switch-rows.ts';
import { momentNow, waitLeftMs } from '../pacing/moment.ts';
import type { Item } from '../ports.ts';
import { recordContext, resynchronizeKeys } from './applying.ts';
import { checkedTime } from './clock-check.ts';
import { auditToMarkers, isAtTip, isFull, stillOpen, unexcused } from './auditing.ts';
import { compareOn, newComparison } from './comparing.ts';
import { changeBoth, changeCopy, readCopy, requireOwn, setFence } from './copies.ts';
import { cancelFor } from './fencing.ts';
import { deleteMarkers } from './markers.ts';
import { isAccepted } from './open-work.ts';
import type { SwitchPorts } from './ports.ts';
import { proofOf, savedProof, saveProof, withAdmission } from './prove.ts';
import { openedEpochs } from './rows.ts';
import { endWith, goOn, type Phase, type SwitchWork } from './run.ts';
import { isClear } from './step.ts';
import { raiseEpoch } from './tallying.ts';

const WAIT_MS = 2_000;
const PAUSE_MS = 250;
/** A fence that leaks so often does not hold. */
const REOPENED_MAX = 10;
const REPAIRED_AT_ONCE = 100;
const REPAIR_TRIES_MAX = 20;
/** In the on-failure bucket: items of the old table that accepted letters have left behind. */
const ACCEPTED_PREFIX = 'accepted-letters/';

/** Both copies first: the wait begins when the second is closed. */
export const close: Phase = async (work, ports) => {
  // The policy has no record to compare: a run that has been taken over must not change it any more.
  await requireOwn(work, ports);
  if (work.closedAt === undefined) {
    await checkedTime(ports.target, ports);
    await changeBoth({ step: 'closed', closing: true }, { work, ports });
    work.closedAt = momentNow(ports);
  }
  const waitMs = await setFence('target', { inboundRefused: true }, { work, ports });
  return goOn(work, waitMs > 0 ? 'closing' : 'waiting', waitMs);
};

export const wait: Phase = async (work, ports) => {
  await requireOwn(work, ports);
  const { audit, closedAt = momentNow(ports) } = work;
  const leftMs = waitLeftMs(closedAt, CLOSE_WAIT_MS, ports);
  if (leftMs > 0) return goOn(work, 'waiting', Math.min(leftMs, WAIT_MS));
  audit.doubtAll();
  work.recordsBefore = audit.records;
  work.comparison = isFull(work, ports) ? newComparison() : undefined;
  // What was read so far proves nothing of what came since.
  work.markers = undefined;
  for (const shard of audit.shards.values()) shard.emptyReads = 0;
  work.lookedAgain = { keys: audit.keys.size, differences: 0 };
  return goOn(work, 'looking-again');
};

export const lookAgain: Phase = async (work, ports) => {
  await requireOwn(work, ports);
  const { audit, comparison } = work;
  const behind = await auditToMarkers(work, ports);
  if (behind.length > 0 || audit.records > work.recordsBefore || audit.isTrimmed)
    return goOn(work, 'reopening');
  const isCompared = comparison === undefined || (await compareOn(comparison, ports));
  if (comparison !== undefined && unexcused(comparison, work).length > 0)
    return goOn(work, 'reopening');
  // Writes are refused meanwhile: of many keys, the next are looked at without a pause.
  if (audit.behind.size > 0) return goOn(work, 'looking-again');
  if (!isCompared || !isAtTip(work, ports)) return goOn(work, 'looking-again', PAUSE_MS);
  if (!isClear(await stillOpen(work, ports))) return goOn(work, 'reopening');
  await deleteMarkers(work, ports);
  return work.request.kind === 'drain' ? endDrain(work, ports) : goOn(work, 'opening');
};

/** A fence of the function that stayed would stop the replication. */
export const reopen: Phase = async (work, ports) => {
  if (work.closedAt !== undefined) {
    await changeBoth({ step: 'fenced' }, { work, ports });
    work.closedAt = undefined;
    work.reopened += 1;
  } else await requireOwn(work, ports);
  const waitMs = await setFence('target', { inboundRefused: false }, { work, ports });
  if (waitMs > 0) return goOn(work, 'reopening', waitMs);
  if (work.reopened > REOPENED_MAX)
    return cancelFor(work, 'changes have come after the fence, again and again');
  work.markers = undefined;
  work.comparison = undefined;
  return goOn(work, 'auditing');
};

/** Stays fenced. */
async function endDrain(work: SwitchWork, ports: SwitchPorts) {
  const proof = proofOf(work, ports, undefined);
  await saveProof(proof, ports);
  await changeBoth({ step: 'drained' }, { work, ports });
  return endWith(work, { kind: 'drained', proof });
}

/** The proof first: a run that finishes this one's switch finds it. */
export const open: Phase = async (work, ports) => {
  const nowMs = await checkedTime(ports.target, ports);
  await requireOwn(work, ports);
  const n = newestEpoch(work.row).n + 1;
  work.proof = proofOf(work, ports, n);
  await saveProof(work.proof, ports);
  work.opened = await changeCopy(
    'target',
    (row) => ({ step: 'opened', epochs: openedEpochs(row, ports.target, nowMs) }),
    { work, ports },
  );
  return goOn(work, 'admitting');
};

/** Applications may write to the target, and the function of the way back to the old table, which stays fenced. */
export const admit: Phase = async (work, ports) => {
  await requireOwn(work, ports, ['target']);
  const change = { work, ports, sides: ['target'] } as const;
  const fenceMs = await setFence('target', { fenced: false }, change);
  if (fenceMs === 0) work.admittedAtMs ??= ports.clock.now();
  await raiseEpoch(newestEpoch(work.opened ?? work.row).n, ports);
  const inboundMs = await setFence('old', { inboundRefused: false }, change);
  const waitMs = Math.max(fenceMs, inboundMs);
  return goOn(work, waitMs > 0 ? 'admitting' : 'telling', waitMs);
};

export const tell: Phase = async (work, ports) => {
  await requireOwn(work, ports, ['target']);
  const { opened } = work;
  if (opened === undefined) throw new Error('a switch that tells of an epoch it does not know');
  const { n } = newestEpoch(opened);
  const found = await readCopy(ports.old, ports);
  work.isReleased = found.kind === 'row' && isTold(found.row, n);
  // The run with the target's record may write this copy, whatever run has claimed it; but none that has been let go.
  const mayTake = (row: ControlRow) => newestEpoch(row).n <= n && !isTold(row, n);
  if (!work.isReleased)
    await changeCopy(
      'old',
      (row) => ({ step: 'opened', epochs: toldEpochs(row, newestEpoch(opened)) }),
      { work, ports, mayTake },
    );
  const proof = work.proof ?? (await savedProof(n, ports));
  if (proof !== undefined) {
    work.proof = withAdmission(proof, work.admittedAtMs ?? ports.clock.now());
    await saveProof(work.proof, ports);
  }
  return goOn(work, 'repairing');
};

/** Where a Region was lost, each copy has times of its own: they stay. */
function toldEpochs(row: ControlRow, opened: Epoch): readonly Epoch[] {
  if (newestEpoch(row).n === opened.n) return row.epochs;
  return [...endedEpochs(row, 'drained', opened.fromMs), opened];
}

/** And let go by the run that has told it. */
function isTold(row: ControlRow, n: number): boolean {
  return newestEpoch(row).n === n && row.switch === undefined;
}

/** Of accepted letters: the old table has what the target never got, or the next switch would find it different. */
export const repairAccepted: Phase = async (work, ports) => {
  await requireOwn(work, ports, ['target']);
  const { row, opened = row } = work;
  const toRepair = (work.toRepair ??= await acceptedKeys(work, ports));
  const keys = toRepair.splice(0, REPAIRED_AT_ONCE);
  if (keys.length === 0) return goOn(work, 'releasing');
  for (const key of keys) await keep(key, newestEpoch(opened).n - 1, ports);
  const way = { from: ports.target, to: ports.old, direction: ports.back };
  const context = recordContext(opened, ports, way);
  const { rejected, unfinished } = await resynchronizeKeys(keys, context, ports);
  work.left.push(...rejected);
  if (unfinished.length === 0) return goOn(work, 'repairing');
  // A throttled table is no reason to leave a difference that the next switch would not look for.
  work.repairTries += 1;
  if (work.repairTries < REPAIR_TRIES_MAX) toRepair.push(...unfinished.map(({ key }) => key));
  else work.left.push(...unfinished);
  return goOn(work, 'repairing', WAIT_MS);
};

async function acceptedKeys({ accepted, before }: SwitchWork, ports: SwitchPorts): Promise<Item[]> {
  const wanted = new Set([...accepted, ...(before?.letters ?? [])]);
  if (wanted.size === 0) return [];
  const { letters } = await ports.drained.letters.read();
  const asked = letters.filter((letter) => isAccepted(letter, wanted));
  return asked.flatMap(({ key }) => (key === undefined ? [] : [key]));
}

async function keep(key: Item, epoch: number, { old, drained }: SwitchPorts): Promise<void> {
  const item = await old.table.get(key);
  if (item === undefined) return;
  const name = `${String(epoch).padStart(4, '0')}/${itemDigest(key).replaceAll('/', '_')}.json`;
  await drained.bucket.put(ACCEPTED_PREFIX + name, itemJson(item));
}
