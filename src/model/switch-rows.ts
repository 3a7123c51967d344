// What a switch makes of a copy of the control row. Each is a new revision, to be written over the one that was read.

import {
  type ControlRow,
  type Epoch,
  type EpochEnd,
  newestEpoch,
  SWITCHED_FORMAT,
} from './control-row.ts';
import type { SwitchRecord } from './switch-record.ts';

export interface SwitchChange {
  /** Of this write: after an unknown answer, it tells whether the write was ours. */
  readonly tag: string;
  /** @default the copy is open */
  readonly closing?: true;
  /** @default no switch holds the copy any longer */
  readonly record?: SwitchRecord | undefined;
  /** @default those that are there */
  readonly epochs?: readonly Epoch[];
}

export function switchedRow(
  row: ControlRow,
  { tag, closing, record, epochs }: SwitchChange,
): ControlRow {
  const { closing: _, switch: __, ...rest } = row;
  return {
    ...rest,
    revision: row.revision + 1,
    tag,
    format: SWITCHED_FORMAT,
    epochs: epochs ?? row.epochs,
    ...(closing && { closing }),
    ...(record && { switch: record }),
  };
}

/** The newest epoch is over. What has ended stays as it is. */
export function endedEpochs(row: ControlRow, end: EpochEnd, toMs: number): readonly Epoch[] {
  const newest = newestEpoch(row);
  if (newest.end !== undefined) return row.epochs;
  return [...row.epochs.slice(0, -1), { ...newest, toMs, end }];
}
