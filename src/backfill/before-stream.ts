// A copy before the stream: the checks that nothing is applied yet, and the start of the stream after the copy. Only
// the copy writes to the twin, so that each item costs one plain put, and the stream is read from its oldest record.

import { LATE_REQUEST_MS, LEDGER_ATTRIBUTES } from '../config/names.ts';
import { type Retention, retentionText } from '../config/record-age.ts';
import type { BackfillRun } from './checkpoint.ts';
import type { WriteRules } from '../model/rules.ts';
import { FerryError } from '../errors.ts';
import type { EventSource, EventSources, Item, ReadableTable } from '../ports.ts';
import { PLAIN_PAGE_LIFE_MS } from './copy-page.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';
import { sleep } from '../pacing/sleep.ts';
import { switchMappings } from '../switchover/switch-mappings.ts';
import { storedRun, streamLeftMs } from './run.ts';

export interface BeforeStreamContext extends RetryContext {
  readonly rules: Pick<WriteRules, 'replication'>;
  readonly twin: ReadableTable;
  readonly ledger: ReadableTable;
  /** Undefined where no function is deployed. */
  readonly mappings: EventSources | undefined;
  /** Of the source now. */
  readonly streamArn: string;
  /** @default that of the stream of a table */
  readonly retention?: Retention | undefined;
}

/**
 * To be called before the run is begun or taken up again.
 * @param wanted the run that would be begun.
 * @returns a run that is done; its stream may not be read yet.
 * @throws FerryError `backfill.unreadable`, `backfill.mapping-enabled` or `backfill.twin-not-new`.
 */
export async function checkBeforeStream(
  wanted: Pick<BackfillRun, 'streamArn' | 'destination' | 'projection'>,
  restart: boolean,
  context: BeforeStreamContext,
): Promise<BackfillRun | undefined> {
  const known = restart ? undefined : await storedRun(context);
  const isSame =
    known?.beforeStream === true &&
    known.streamArn === wanted.streamArn &&
    known.destination === wanted.destination &&
    known.projection === wanted.projection;
  if (isSame && known.finishedAt !== undefined) return known;
  await requireDisabled(context);
  if (!isSame) await requireNew(context);
  return undefined;
}

async function requireDisabled(context: BeforeStreamContext): Promise<void> {
  const on = (await mappingsOf(context)).filter(isEnabled);
  if (on.length === 0) return;
  const names = on.map(({ id, state }) => `${id} is ${state}`).join(', ');
  throw new FerryError(
    `A backfill before the stream needs a disabled event source mapping; ${names}.`,
    {
      code: 'backfill.mapping-enabled',
      hint: 'Deploy with "eventSource": {"enabled": false} before the mapping has read anything, or leave out --before-stream.',
    },
  );
}

/** A plain put does not check whether its item has been deleted. */
async function requireNew({ twin, ledger, ...context }: BeforeStreamContext): Promise<void> {
  const hint = 'Leave out --before-stream, or make a new twin and a new state table.';
  if (await hasAny(twin, () => true, context))
    throw new FerryError('A backfill before the stream needs a new twin; this one has items.', {
      code: 'backfill.twin-not-new',
      hint,
    });
  const { deleted, failed } = LEDGER_ATTRIBUTES;
  const isOfItem = (row: Item) => row[deleted] !== undefined || row[failed] !== undefined;
  if (await hasAny(ledger, isOfItem, context))
    throw new FerryError(
      'A backfill before the stream needs a new state table; this one remembers deletes or failures.',
      { code: 'backfill.twin-not-new', hint },
    );
}

async function hasAny(
  table: ReadableTable,
  wanted: (item: Item) => boolean,
  retries: RetryContext,
): Promise<boolean> {
  let after: Item | undefined;
  do {
    const position = { segment: 0, totalSegments: 1, after };
    const page = await retry(() => table.scan(position), retries);
    if (page.unreadable.length > 0 || page.items.some(wanted)) return true;
    after = page.next;
  } while (after !== undefined);
  return false;
}

type CopiedRun = Pick<BackfillRun, 'startedAt' | 'finishedAt'>;

/**
 * What `startStream` would do, for a dry run. Nothing is changed.
 * @returns the mappings that are enabled already, because an earlier command got as far as that.
 * @throws as `startStream` does.
 */
export async function planStream(
  { startedAt, finishedAt }: CopiedRun,
  context: BeforeStreamContext,
): Promise<readonly EventSource[]> {
  const on = (await mappingsOfStream(context)).filter(isEnabled);
  if (on.length > 0 && finishedAt === undefined) throw enabledMeanwhile(on);
  if (on.length === 0) requireTime(startedAt, context);
  return on;
}

/**
 * Lets the stream be applied, once no copy can land any more: neither a late request, nor a page that another
 * process had read before the copy ended.
 * @returns the mappings that are enabled now.
 * @throws FerryError `backfill.mapping-enabled` where the stream was applied beside the copy, `backfill.too-late` where
 *   it no longer has all changes since the run began, and what `switchMappings` throws.
 */
export async function startStream(
  run: CopiedRun,
  context: BeforeStreamContext,
): Promise<readonly EventSource[]> {
  const { mappings } = context;
  const on = await planStream(run, context);
  if (on.length > 0) return on;
  await sleep(COPIES_LAND_MS, context);
  requireTime(run.startedAt, context);
  if (mappings === undefined) return [];
  const enabled = await mappingsOfStream(context);
  await switchMappings(enabled, true, { ...context, mappings, onStep: () => undefined });
  return enabled;
}

async function mappingsOfStream(context: BeforeStreamContext): Promise<readonly EventSource[]> {
  const all = await mappingsOf(context);
  return all.filter(({ streamArn }) => streamArn === context.streamArn);
}

function isEnabled({ state }: EventSource): boolean {
  return state !== 'Disabled';
}

function enabledMeanwhile(mappings: readonly EventSource[]): FerryError {
  const names = mappings.map(({ id }) => id).join(', ');
  return new FerryError(
    `The event source mapping ${names} was enabled while the copy was under way. Items that were deleted meanwhile may have been copied.`,
    { code: 'backfill.mapping-enabled', hint: 'Run `ferry verify`, then `ferry repair`.' },
  );
}

/** How long the copies of a run that has ended may still land. */
export const COPIES_LAND_MS = PLAIN_PAGE_LIFE_MS + LATE_REQUEST_MS;

function requireTime(startedAt: string, context: BeforeStreamContext): void {
  if (streamLeftMs(startedAt, context) > 0) return;
  throw new FerryError(
    `The backfill before the stream began at ${startedAt}, more than ${retentionText(context.retention ?? {})} ago: the stream no longer has all changes since. The event source mapping is still disabled.`,
    {
      code: 'backfill.too-late',
      hint: 'Enable the mapping, then run `ferry verify` and `ferry repair`; or begin anew with a new twin and --restart.',
    },
  );
}

async function mappingsOf(context: BeforeStreamContext): Promise<readonly EventSource[]> {
  const { mappings } = context;
  return mappings === undefined ? [] : retry(() => mappings.list(), context);
}
