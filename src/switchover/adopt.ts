// Opens an epoch for a stream: disables the event source mappings, waits until nothing that was decided
// under the old control row can land any more, replaces the row by compare-and-set, and enables the
// mappings again. Safe to interrupt and to repeat.

import { type Configured, configuredAfterSurvey, planConfigured } from './adopt-configured.ts';
import { closedRow, type CopiesFound, openedCopies, planCopies } from './adopt-copies.ts';
import {
  type AdoptionChoice,
  type AdoptionPlan,
  newSurvey,
  type Opened,
  planAdoption,
  planAfterSurvey,
  type Refused,
  type Side,
  type Survey,
  surveyState,
  surveyTwin,
  type VersionSurvey,
} from './adoption.ts';
import { parseControlRow, putControlRow } from '../model/control-item.ts';
import { type ControlRow, type Identity, newestEpoch, standingOf } from '../model/control-row.ts';
import type { WriteRules } from '../model/rules.ts';
import { FerryError } from '../errors.ts';
import type {
  TwinReader,
  TwinWriter,
  EventSource,
  EventSources,
  Item,
  ReadableTable,
  ScanPage,
} from '../ports.ts';
import { readControl } from '../replicate/first-adoption.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';
import { sleep } from '../pacing/sleep.ts';
import { switchMappings, type SwitchStep } from './switch-mappings.ts';

/** Where a control row is, and the tables that it is about. */
interface RowAndTables {
  readonly rules: WriteRules;
  readonly identity: Omit<Identity, 'nowMs'>;
  readonly twinReader: TwinReader;
  readonly twinWriter: TwinWriter;
  readonly twin: ReadableTable;
  readonly ledger: ReadableTable;
}

export interface AdoptContext extends RetryContext, RowAndTables {
  /** Of a replication that can be switched: the place of the copy beside the source. */
  readonly beside?:
    | (RowAndTables & { readonly regions: Readonly<Record<Side, string>> })
    | undefined;
  /** Of a direction of a replication in both: which epoch to open. */
  readonly configured?: Configured | undefined;
  /** Undefined where no function is deployed: nothing has to be paused. */
  readonly mappings: EventSources | undefined;
  /** How long after a mapping is disabled a write of its function may still land, and be looked at. */
  readonly settleMs: number;
  /** Segments of a table that are read at the same time. */
  readonly workers: number;
  readonly onStep: (step: AdoptStep) => void;
}

/** What `adopt` is about to do, or waits for. */
export type AdoptStep =
  | SwitchStep
  | { readonly kind: 'leave-disabled'; readonly mapping: EventSource }
  | { readonly kind: 'settling'; readonly leftMs: number; readonly totalMs: number }
  | { readonly kind: 'reading'; readonly survey: VersionSurvey; readonly readUnits: number }
  | {
      readonly kind: 'write';
      readonly row: ControlRow;
      readonly why: string;
      readonly sameEpochs?: true;
    };

/**
 * What is to be done, as of now. Nothing is changed.
 * @throws what a read throws.
 */
export async function planNow(
  choice: AdoptionChoice,
  context: AdoptContext,
): Promise<AdoptionPlan> {
  const copies = await copiesFound(context);
  if (copies !== undefined) return planCopies(copies, choice);
  const { found, identity } = await foundAt(context, context);
  const { configured } = context;
  return configured === undefined
    ? planAdoption(found, identity, choice)
    : planConfigured(found, identity, choice, configured);
}

async function foundAt({ rules, twinReader, identity }: RowAndTables, context: AdoptContext) {
  const found = await retry(() => readControl(rules, twinReader), context);
  return { found, identity: { ...identity, nowMs: context.clock.now() } };
}

async function copiesFound(context: AdoptContext): Promise<CopiesFound | undefined> {
  const { beside } = context;
  if (beside === undefined) return undefined;
  const { regions } = beside;
  return {
    there: { region: regions.there, ...(await foundAt(context, context)) },
    beside: { region: regions.beside, ...(await foundAt(beside, context)) },
  };
}

/**
 * @returns the control row that is in force.
 * @throws FerryError `adopt.refused`, `adopt.outrun`, `adopt.mapping-busy` or `mapping.busy`, or the reason of
 *   `context.stop`. Mappings that were disabled stay so: `onStep` has named them.
 */
export async function adopt(choice: AdoptionChoice, context: AdoptContext): Promise<ControlRow> {
  const plan = await planNow(choice, context);
  if (plan.kind === 'nothing') return plan.row;
  if (plan.kind === 'refused') throw refusal(plan);
  // As it is, the stream goes on in its epoch, and its function does not read the row yet.
  const opensEpoch = plan.kind === 'survey' || plan.sameEpochs !== true;
  const paused = choice.asIs || !opensEpoch ? [] : await pause(context);
  const row = await replaceRow(choice, context);
  for (const mapping of paused) await resume(mapping, row, context);
  return row;
}

/** Decides once more, because another `adopt` may have been faster, and because of the time. */
async function replaceRow(choice: AdoptionChoice, context: AdoptContext): Promise<ControlRow> {
  const plan = await planNow(choice, context);
  if (plan.kind === 'nothing') return plan.row;
  const opened = plan.kind === 'survey' ? await planBySurvey(plan, choice, context) : plan;
  if (opened.kind === 'refused') throw refusal(opened);
  if (!choice.asIs && opened.sameEpochs !== true) await requireDisabled(context);
  context.onStep({ ...opened, kind: 'write' });
  await writeOpened(opened, context);
  return opened.row;
}

export function refusal({ problem, advice }: Refused): FerryError {
  return new FerryError(problem, { code: 'adopt.refused', hint: advice });
}

const DISABLED = 'Disabled';

/** @returns those that it has disabled itself. */
async function pause(context: AdoptContext): Promise<readonly EventSource[]> {
  const { mappings, onStep } = context;
  if (mappings === undefined) return [];
  const disabled: EventSource[] = [];
  const switching = {
    ...context,
    mappings,
    onStep: (step: SwitchStep) => {
      if (step.kind === 'disable') disabled.push(step.mapping);
      onStep(step);
    },
  };
  const all = await retry(() => mappings.list(), context);
  await switchMappings(all, false, switching);
  await closeCopies(context);
  const { settleMs: totalMs } = context;
  // Until every write that was decided before has landed, and its delete can be looked at.
  await sleep(totalMs, context, (leftMs) => onStep({ kind: 'settling', leftMs, totalMs }));
  return disabled;
}

function busy(mappings: readonly EventSource[]): FerryError {
  const names = mappings.map(({ id, state }) => `${id} (${state})`).join(', ');
  return new FerryError(`These event source mappings are not disabled: ${names}.`, {
    code: 'adopt.mapping-busy',
    hint: 'The control row has not changed. Wait until no deployment or user changes the mappings, and run the command again.',
  });
}

/** A mapping may have been enabled or deployed meanwhile. */
async function requireDisabled(context: AdoptContext): Promise<void> {
  const { mappings } = context;
  if (mappings === undefined) return;
  const all = await retry(() => mappings.list(), context);
  const open = all.filter(({ state }) => state !== DISABLED);
  if (open.length > 0) throw busy(open);
}

async function planBySurvey(plan: Survey, choice: AdoptionChoice, context: AdoptContext) {
  const survey = await readVersions(choice, context);
  const { configured } = context;
  const identity = { ...context.identity, nowMs: context.clock.now() };
  if (configured !== undefined) return configuredAfterSurvey(survey, identity, plan, configured);
  const opened = planAfterSurvey(survey, identity, choice, plan);
  const copies = opened.kind === 'open' ? await copiesFound(context) : undefined;
  if (copies === undefined || opened.kind === 'refused') return opened;
  // A switch may have claimed them, or opened an epoch, while the tables were read.
  const now = planCopies(copies, choice);
  if (now.kind === 'refused') return now;
  if (epochOf(now) !== epochOf(plan)) throw outrun();
  return openedCopies(opened.row, opened.why, copies);
}

function epochOf({ row }: Pick<Survey, 'row'>): number | undefined {
  return row && newestEpoch(row).n;
}

/** Every version of the twin and of the state table. */
async function readVersions(
  { asIs }: AdoptionChoice,
  context: AdoptContext,
): Promise<VersionSurvey> {
  const { twin, ledger, identity, beside, onStep } = context;
  const survey = newSurvey();
  let readUnits = 0;
  const noteWith = (take: typeof surveyTwin) => (page: ScanPage) => {
    take(survey, page.items, identity);
    readUnits += page.readUnits;
    onStep({ kind: 'reading', survey, readUnits });
  };
  await readAll(twin, context, noteWith(surveyTwin));
  await readAll(ledger, context, noteWith(surveyState));
  // The source may have been a twin before.
  if (beside === undefined || asIs) return survey;
  await readAll(beside.twin, context, noteWith(surveyTwin));
  await readAll(beside.ledger, context, noteWith(surveyState));
  return survey;
}

async function readAll(
  table: ReadableTable,
  context: AdoptContext,
  onPage: (page: ScanPage) => void,
): Promise<void> {
  const { workers } = context;
  const tasks = Array.from({ length: workers }, (_, segment) => async () => {
    let after: Item | undefined;
    do {
      const position = { segment, totalSegments: workers, after };
      const page = await retry(() => table.scan(position), context);
      onPage(page);
      after = page.next;
    } while (after !== undefined);
  });
  await inParallel(tasks, workers);
}

/** Until both copies are open, nothing is written in either direction, whatever was read before. */
async function closeCopies(context: AdoptContext): Promise<void> {
  const { beside, identity } = context;
  if (beside === undefined) return;
  for (const place of [context, beside]) {
    const { found } = await foundAt(place, context);
    if (found.kind !== 'row' || found.row.closing === true) continue;
    if (found.row.switch !== undefined) throw outrun();
    await write(closedRow(found.row, identity.tag), place, context);
  }
}

async function writeOpened({ row, copies }: Opened, context: AdoptContext): Promise<void> {
  const { beside } = context;
  if (copies === undefined || beside === undefined) return write(row, context, context);
  if (!copies.there.isThere) await write(copies.there.row, context, context);
  if (!copies.beside.isThere) await write(copies.beside.row, beside, context);
}

/** If the reply was lost, the tag of the stored row shows that it is this run's. */
async function write(row: ControlRow, place: RowAndTables, context: AdoptContext): Promise<void> {
  const { rules, twinWriter } = place;
  const request = putControlRow(row, rules);
  const reply = await retry(() => twinWriter.write(request), context);
  if (reply.kind === 'written') return;
  const there = parseControlRow(reply.item);
  if (there.kind === 'row' && there.row.tag === row.tag) return;
  throw outrun();
}

function outrun(): FerryError {
  return new FerryError('Another command changed the control row meanwhile.', {
    code: 'adopt.outrun',
    hint: 'Run the command again: it shows what is left to do.',
  });
}

/** A mapping of a stream that may not write would only hold its records back. */
async function resume(mapping: EventSource, row: ControlRow, context: AdoptContext): Promise<void> {
  const { mappings, onStep } = context;
  if (standingOf(mapping.streamArn, row).kind !== 'current') {
    onStep({ kind: 'leave-disabled', mapping });
    return;
  }
  await retry(async () => mappings?.setEnabled(mapping.id, true), context);
  onStep({ kind: 'enable', mapping });
}
