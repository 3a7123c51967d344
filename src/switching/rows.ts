// The epochs that a switch writes into the copies of the control row.

import { FROM_MARGIN_MS } from '../config/names.ts';
import {
  CONTROL_FORMAT,
  type ControlRow,
  type Epoch,
  type EpochEnd,
  newestEpoch,
} from '../model/control-row.ts';
import { endedEpochs } from '../model/switch-rows.ts';
import type { SwitchSide } from './ports.ts';

/**
 * The next epoch, in the target's Region. The old one ends where it begins, in whole seconds, like the time of a record:
 * a bit before now, since the stream's clock may be behind.
 */
export function openedEpochs(
  row: ControlRow,
  { region, streamArn }: Pick<SwitchSide, 'region' | 'streamArn'>,
  nowMs: number,
  end: EpochEnd = 'drained',
): readonly Epoch[] {
  const { n, fromMs: before } = newestEpoch(row);
  const latestMs = Math.floor((nowMs - FROM_MARGIN_MS) / 1000) * 1000;
  // Times never go back, whatever the clock says.
  const fromMs = Math.max(latestMs, before);
  const opened = { n: n + 1, region, fromMs, streams: [streamArn] };
  return [...endedEpochs(row, end, fromMs), opened];
}

/** Of a side that has no copy yet: as the other one has it. */
export function copiedRow(
  row: ControlRow,
  identity: Pick<ControlRow, 'reserved' | 'destinationId' | 'ledgerId' | 'tag'>,
): ControlRow {
  const { sinceMs, epochs } = row;
  return { revision: 1, format: CONTROL_FORMAT, sinceMs, epochs, ...identity };
}
