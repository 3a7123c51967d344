// Which projection a backfill copies by, and whether it looks at what the twin has: of a twin that another projection
// wrote, everything has to be compared.

import { FerryError } from '../errors.ts';
import { parseControlRow, controlKey } from '../model/control-item.ts';
import { type ControlRow, newestEpoch, withProjection } from '../model/control-row.ts';
import { changeRow } from '../switchover/change-row.ts';
import type { BackfillRun } from './checkpoint.ts';
import type { BackfillContext } from './context.ts';

export interface ProjectionWish {
  /** Digest of the configuration's projection; undefined without one. */
  readonly wanted: string | undefined;
  /** By the control row. */
  readonly written: string | undefined;
  /** With --reproject. */
  readonly isAsked: boolean;
}

/**
 * What a new run has of the projection.
 * @throws FerryError `backfill.projection-changed` where it has to be asked for.
 */
export function projectionOf({
  wanted,
  written,
  isAsked,
}: ProjectionWish): Pick<BackfillRun, 'projection' | 'reproject'> {
  if (!isAsked && written !== undefined && written !== wanted) throw changed(wanted);
  return {
    ...(wanted !== undefined && { projection: wanted }),
    ...((isAsked || wanted !== written) && { reproject: true }),
  };
}

function changed(wanted: string | undefined): FerryError {
  const now = wanted === undefined ? 'no projection' : 'another one';
  return new FerryError(`The twin was written by a projection, and the configuration has ${now}.`, {
    code: 'backfill.projection-changed',
    hint: 'Once the configuration is deployed, use --reproject: it rewrites what is different.',
  });
}

/** Before the stream, the twin has nothing to compare. */
export function isReprojecting({ reproject, beforeStream }: BackfillRun): boolean {
  return reproject === true && beforeStream !== true;
}

/** @throws FerryError `backfill.projection-changed` where the run was begun with another projection. */
export function requireSameProjection(
  known: Pick<BackfillRun, 'projection' | 'startedAt'>,
  wanted: string | undefined,
): void {
  if (known.projection === wanted) return;
  throw new FerryError(
    `The unfinished backfill of ${known.startedAt} began with another projection.`,
    {
      code: 'backfill.projection-changed',
      hint: 'Use the configuration with which it began, or begin anew with --restart.',
    },
  );
}

/** Segments of a run: of the source and, where it compares, as many of the twin. */
export function segmentsOf(run: BackfillRun): number {
  return isReprojecting(run) ? 2 * run.totalSegments : run.totalSegments;
}

type ControlPlace = Pick<
  BackfillContext,
  'rules' | 'ledger' | 'twinWriter' | 'epoch' | 'clock' | 'random' | 'stop'
>;

/**
 * Writes into the control row that the run's projection has written the whole twin. What was put aside earlier has no
 * place any more: an earlier projection may have left out, without a trace, the delete of its item.
 * @throws FerryError `control.stream` where the twin may be another one by now, and what `changeRow` throws.
 */
export async function claimProjection(
  { run, projection }: BackfillRun,
  context: ControlPlace,
): Promise<void> {
  const { rules, ledger, epoch, clock } = context;
  const readRow = async () => parseControlRow(await ledger.get(controlKey(rules)));
  const change = (row: ControlRow) => {
    if (newestEpoch(row).n !== epoch) throw adopted();
    // Its answer may have been lost.
    if (row.tag === run) return undefined;
    const sinceMs = Math.max(row.sinceMs, clock.now());
    return { ...withProjection(row, projection, run), sinceMs };
  };
  const found = await changeRow(change, { ...context, readRow });
  if (found.kind !== 'row') throw adopted();
}

function adopted(): FerryError {
  return new FerryError('The control row was made anew while the backfill was under way.', {
    code: 'control.stream',
    hint: 'Run it again: it compares source and twin with the new control row.',
  });
}
