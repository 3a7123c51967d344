// The first look of a rejoin: whether a Region was lost, what its copy of the control row says, and what a run remembers.

import { type ControlRow, type Epoch, newestEpoch } from '../model/control-row.ts';
import type { SwitchRecord } from '../model/switch-record.ts';
import { UsageError } from '../errors.ts';
import { AuditMemory } from './audit-memory.ts';
import { readCopies } from './copies.ts';
import { hadOpened } from './lost-epochs.ts';
import { takenBy } from './plan.ts';
import type { SwitchPorts } from './ports.ts';
import { endedAtOnce, goOn, newWork, type SwitchState, type SwitchWork } from './run.ts';
import { newPass, type SavingPass } from './saving.ts';
import type { LeftItem, RejoinCounts, StepResult } from './step.ts';

export interface RejoinWork extends SwitchWork {
  /** That was lost. */
  readonly lost: Epoch;
  /** Applications may have written there in that epoch. */
  hadOpened: boolean;
  /** Its copy has the epoch of the active side. */
  isTold: boolean;
  /** Items that the SDK cannot read, by canonical key: neither saved nor repaired. */
  readonly unreadable: Map<string, LeftItem>;
  /** Canonical keys of accepted letters of the way back. */
  readonly excusedKeys: Set<string>;
  readonly totals: RejoinCounts;
  pass: SavingPass;
  /** Every shard of the active side has been read as far as it went when the other side was opened. */
  isRead: boolean;
  toldAtMs: number;
}

/** @throws UsageError where no Region was lost, or another switch holds the replication. */
export async function beginRejoin(state: SwitchState, ports: SwitchPorts): Promise<StepResult> {
  const found = await readCopies(ports);
  const { target, old } = ports;
  const row = found.target.kind === 'row' ? found.target.row : undefined;
  const lost = row?.epochs.at(-2);
  const isOpen = row?.closing !== true && row?.epochs.at(-1)?.region === target.region;
  if (row === undefined || lost?.end !== 'lost' || !isOpen) throw notLost(ports);
  const there = found.old.kind === 'row' ? found.old.row : undefined;
  const records = recordsOf(row, there, ports);
  const epoch = newestEpoch(row);
  const isTold = there !== undefined && newestEpoch(there).n === epoch.n;
  if (isTold && records.length === 0)
    return endedAtOnce({ kind: 'already', active: target.region, epoch: epoch.n });
  if (!state.request.apply)
    return endedAtOnce({
      kind: 'rejoin-preview',
      region: old.region,
      epoch: lost.n,
      lostSinceMs: lost.toMs ?? epoch.fromMs,
    });
  const nowMs = ports.clock.now();
  const audit = new AuditMemory({ row, epoch, accepted: new Set(state.request.accepted) });
  const known = { row, epoch, audit, before: records[0], letters: [], finishes: isTold, nowMs };
  const work: RejoinWork = {
    ...newWork(state, { ...known, phase: 'claiming' }),
    lost,
    hadOpened: there === undefined || hadOpened(there, lost),
    isTold,
    unreadable: new Map(),
    excusedKeys: new Set(),
    totals: { items: 0, saved: 0, classed: 0, put: 0, deleted: 0 },
    pass: newPass('compared'),
    isRead: false,
    toldAtMs: nowMs,
  };
  state.work = work;
  return goOn(work, 'claiming');
}

/**
 * Of this switch. The copy of a Region that was lost may have that of a switch from before the loss, which has ended with
 * it, whatever its target was.
 * @throws UsageError `switching.taken` for another switch.
 */
export function recordsOf(row: ControlRow, there: ControlRow | undefined, { target }: SwitchPorts) {
  const isBefore = there !== undefined && newestEpoch(there).n < newestEpoch(row).n;
  const records: SwitchRecord[] = [row.switch, there?.switch].flatMap((one) => one ?? []);
  const isOther = (one: SwitchRecord) => one.target !== target.region;
  const other = records.find((one) => isOther(one) && !(isBefore && one === there.switch));
  if (other !== undefined) throw takenBy(other);
  return records;
}

function notLost({ target, old }: SwitchPorts): UsageError {
  return new UsageError(
    `There is nothing to rejoin: ${target.region} was not opened because ${old.region} was lost.`,
    {
      code: 'switching.not-lost',
      hint: 'See `ferry status`. If `ferry failover --source-lost` was interrupted, run it again first.',
    },
  );
}
