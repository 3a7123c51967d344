// Reads and writes both copies of the control row, for a run that must find its own record in each.

import { putControlRow } from '../model/control-item.ts';
import type { ControlRow, FoundControl } from '../model/control-row.ts';
import type { SwitchStep } from '../model/switch-record.ts';
import { type SwitchChange, switchedRow } from '../model/switch-rows.ts';
import { FerryError } from '../errors.ts';
import { retry } from '../pacing/retry.ts';
import { readControl } from '../replicate/first-adoption.ts';
import { changeRow } from '../switchover/change-row.ts';
import { type FoundCopies, takenBy } from './plan.ts';
import type { FenceWish, SwitchPorts, SwitchSide } from './ports.ts';
import { copiedRow } from './rows.ts';
import { recordOf, type SwitchWork } from './run.ts';

/** Which copy. */
export type SideName = 'target' | 'old';

export async function readCopies(ports: SwitchPorts): Promise<FoundCopies> {
  const [target, old] = await Promise.all(
    [ports.target, ports.old].map((side) => readCopy(side, ports)),
  );
  return { target: target ?? { kind: 'missing' }, old: old ?? { kind: 'missing' } };
}

export function readCopy({ rules, reader }: SwitchSide, ports: SwitchPorts): Promise<FoundControl> {
  return retry(() => readControl(rules, reader), ports);
}

/** @throws UsageError `switching.taken` where one of the copies has another run's record. */
export async function requireOwn(
  { id }: Pick<SwitchWork, 'id'>,
  ports: SwitchPorts,
  sides: readonly SideName[] = ['target', 'old'],
): Promise<void> {
  const found = await Promise.all(sides.map((side) => readCopy(ports[side], ports)));
  for (const copy of found) {
    const record = copy.kind === 'row' ? copy.row.switch : undefined;
    if (record?.id !== id) throw takenBy(record);
  }
}

interface FenceChange {
  readonly work: Pick<SwitchWork, 'id'>;
  readonly ports: SwitchPorts;
  /** Whose copies must have this run's record. @default both */
  readonly sides?: readonly SideName[] | undefined;
}

/** Changes the policy of one side, as long as this run has the record. @returns as `Fence.set`. */
export function setFence(
  side: SideName,
  wish: FenceWish,
  { work, ports, sides }: FenceChange,
): Promise<number> {
  return ports[side].fence.set(wish, work.id, () => requireOwn(work, ports, sides));
}

export interface CopyWish extends Omit<SwitchChange, 'tag' | 'record'> {
  /** Undefined lets the record go. */
  readonly step: SwitchStep | undefined;
  /** Of the switch. @default the target of the ports */
  readonly target?: string | undefined;
}

/**
 * Writes one copy by compare-and-set.
 * @param mayTake whether the copy as it is now may be changed. @default it has this run's record
 * @returns the copy as it is now.
 */
export async function changeCopy(
  side: SideName,
  wish: CopyWish | ((row: ControlRow) => CopyWish),
  { work, ports, mayTake }: CopyChange,
): Promise<ControlRow> {
  const { rules, reader, writer: twinWriter } = ports[side];
  work.writes += 1;
  const tag = `${work.id}.${work.writes}`;
  const isFree = mayTake ?? ((row: ControlRow) => row.switch?.id === work.id);
  const change = (row: ControlRow) => {
    // The answer to this very write was lost.
    if (row.tag === tag) return undefined;
    if (!isFree(row)) throw takenBy(row.switch);
    const { step, target, ...changed } = typeof wish === 'function' ? wish(row) : wish;
    const record = step && recordOf(work, target ?? ports.target.region, step);
    return switchedRow(row, { ...changed, tag, record });
  };
  const readRow = () => readControl(rules, reader);
  const found = await changeRow(change, { ...ports, rules, twinWriter, readRow });
  if (found.kind === 'row') return found.row;
  throw new FerryError(`The control row in ${ports[side].region} has gone, or cannot be read.`, {
    code: 'switching.copy',
    hint: 'See who changed it. Restore it from the other copy, and run the command again.',
  });
}

export interface CopyChange {
  readonly work: SwitchWork;
  readonly ports: SwitchPorts;
  readonly mayTake?: ((row: ControlRow) => boolean) | undefined;
}

/** Both copies, the target's first. */
export async function changeBoth(wish: CopyWish, change: CopyChange): Promise<void> {
  await changeCopy('target', wish, change);
  await changeCopy('old', wish, change);
}

/** Of a side that has none, as long as nothing has been switched. Written before anything is claimed. */
export async function createMissing(work: SwitchWork, ports: SwitchPorts): Promise<void> {
  const found = await readCopies(ports);
  for (const side of ['target', 'old'] as const) {
    if (found[side].kind !== 'missing') continue;
    const { rules, reader, writer } = ports[side];
    const [destinationId, ledgerId] = await Promise.all(
      [rules.destinationTable, rules.stateTable].map((table) =>
        retry(() => reader.tableId(table), ports),
      ),
    );
    const identity = {
      reserved: rules.reservedAttribute,
      destinationId: destinationId ?? '',
      ledgerId: ledgerId ?? '',
      tag: `${work.id}.0`,
    };
    // Refused if another process has written it meanwhile: then that row is claimed.
    await retry(() => writer.write(putControlRow(copiedRow(work.row, identity), rules)), ports);
  }
}
