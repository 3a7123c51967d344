// What an adoption would do, does, or has done, for people or for machines.

import { otherName } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { AdoptionChoice, AdoptionPlan, Opened, Survey } from '../switchover/adoption.ts';
import { dollars, readUnits } from '../model/capacity.ts';
import { type ControlRow, newestEpoch, standingOf } from '../model/control-row.ts';
import { duration } from '../text/duration.ts';
import { type AdoptStep, refusal } from '../switchover/adopt.ts';
import type { EventSource } from '../ports.ts';
import { type Call, type PairCall, printResult, titleOf } from './call.ts';
import { counted, EXIT, grouped } from './output.ts';
import { costs } from './rows.ts';

export interface ShownPlan extends PairCall {
  readonly plan: AdoptionPlan;
  readonly choice: AdoptionChoice;
  readonly mappings: readonly EventSource[];
  readonly settleMs: number;
  readonly isDeployed: boolean;
}

/**
 * @returns the exit code.
 * @throws FerryError `adopt.refused`.
 */
export function printPlan(shown: ShownPlan): number {
  const { replication, plan } = shown;
  if (plan.kind === 'refused') throw refusal(plan);
  printResult(shown, planFacts(plan, shown), [
    titleOf(replication),
    ...(plan.kind === 'nothing' ? nothingLines(plan.row, replication) : planLines(plan, shown)),
  ]);
  // An earlier run may have been killed after it had written the row.
  if (plan.kind !== 'nothing') return EXIT.differences;
  listStillDisabled(plan.row, shown);
  return EXIT.done;
}

function planFacts(
  plan: Exclude<AdoptionPlan, { kind: 'refused' }>,
  { mappings, choice, settleMs }: ShownPlan,
): object {
  return {
    apply: false,
    adopt: plan.kind !== 'nothing',
    why: plan.kind === 'nothing' ? undefined : plan.why,
    ...(plan.kind === 'survey' ? {} : rowFacts(plan.row)),
    ...copyFacts(plan),
    mappings: mappings.map(({ id, state }) => ({ id, state })),
    waitSeconds: choice.asIs || plan.kind === 'nothing' ? 0 : settleMs / 1000,
  };
}

function rowFacts(row: ControlRow) {
  const { n, streams } = newestEpoch(row);
  return { revision: row.revision, epoch: n, streams };
}

/** Of a replication that can be switched. */
function copyFacts(plan: AdoptionPlan): object {
  if (plan.kind !== 'open' || plan.copies === undefined) return {};
  const { there, beside } = plan.copies;
  const factsOf = ({ row, isThere }: typeof there) => ({ ...rowFacts(row), written: !isThere });
  return { copies: { destination: factsOf(there), source: factsOf(beside) } };
}

function nothingLines(row: ControlRow, replication: ReplicationConfig): string[] {
  const { n, streams } = newestEpoch(row);
  const again = replication.twoWay === undefined ? ' --again opens a new epoch anyway.' : '';
  return [
    `The control row is correct: epoch ${n}, stream ${streams.join(', ')}.`,
    `There is nothing to adopt.${again}`,
    ...otherDirectionLines(replication),
  ];
}

function planLines(plan: Opened | Survey, shown: ShownPlan): string[] {
  return [
    ...pauseLines(shown),
    ...intentLines(plan, shown),
    'Nothing was changed. --apply makes these changes.',
  ];
}

function pauseLines({ mappings, settleMs, isDeployed, choice, plan }: ShownPlan): string[] {
  if (choice.asIs || (plan.kind === 'open' && plan.sameEpochs)) return [];
  if (!isDeployed) return ['No function is deployed, so no mapping has to be disabled.'];
  const on = mappings.filter(({ state }) => state !== 'Disabled');
  const wait = `wait ${duration(settleMs)}, until no earlier write can arrive`;
  if (on.length === 0) return [`No event source mapping is enabled. Adopt would ${wait}.`];
  return [`Adopt would disable the event source mapping ${idsOf(on)}, and ${wait}.`];
}

function intentLines(plan: Opened | Survey, shown: ShownPlan): string[] {
  if (plan.kind === 'open') {
    const { n, streams } = newestEpoch(plan.row);
    if (plan.copies !== undefined) return copyLines(plan.copies, plan, shown);
    return [`It would open epoch ${n} for the stream ${streams.join()}, because ${plan.why}.`];
  }
  return [
    `It would read the version of every item of the twin (${costOf(shown)}), because ${plan.why}.`,
    shown.choice.asIs
      ? 'Then it would continue in epoch 1, unless another writer has written to the twin.'
      : afterReading(shown.replication),
  ];
}

function afterReading({ twoWay }: ReplicationConfig): string {
  if (twoWay === undefined) return 'Then it would open the epoch above the highest one.';
  return `Then it would open epoch ${twoWay.epoch} of the configuration, if no version has it.`;
}

/** Both directions have the same epoch: a function with another one holds its records. */
function otherDirectionLines(replication: ReplicationConfig): string[] {
  const { twoWay } = replication;
  if (twoWay === undefined) return [];
  const other = otherName(replication);
  return [
    `The other direction needs epoch ${twoWay.epoch}, too: \`ferry adopt --replication ${other}\` shows whether it has it.`,
  ];
}

function copyLines(
  copies: Required<Opened>['copies'],
  { why, row, sameEpochs }: Opened,
  { replication: { source, destination } }: ShownPlan,
): string[] {
  const { n, streams } = newestEpoch(row);
  const change = ({ row: { revision }, isThere }: typeof copies.there, region: string) =>
    isThere ? `none in ${region}` : `revision ${revision} in ${region}`;
  const both = `${change(copies.there, destination.region)}, ${change(copies.beside, source.region)}`;
  const what = sameEpochs ? 'complete' : `open epoch ${n} for the stream ${streams.join()} in`;
  return [`It would ${what} both copies of the control row, because ${why}: ${both}.`];
}

function idsOf(mappings: readonly EventSource[]): string {
  return mappings.map(({ id }) => id).join(', ');
}

export function printAdopted(adopted: ShownPlan, row: ControlRow): void {
  const { replication, mappings, choice } = adopted;
  const { n, streams } = newestEpoch(row);
  const stay = choice.asIs ? [] : stillDisabled(mappings, row);
  const disabledMappings = stay.map(({ id }) => id);
  printResult(adopted, { apply: true, adopt: true, ...rowFacts(row), disabledMappings }, [
    titleOf(replication),
    `Epoch ${n} is open for the stream ${streams.join(', ')}.`,
    choice.asIs
      ? 'Deploy this release now.'
      : 'Run `ferry verify` next. Then run `ferry repair` with its report.',
    ...otherDirectionLines(replication),
  ]);
  if (!choice.asIs) listStillDisabled(row, adopted);
}

/** Disabled by another operator, or by an earlier run that was interrupted. */
function stillDisabled(mappings: readonly EventSource[], row: ControlRow): EventSource[] {
  return mappings.filter(
    ({ state, streamArn }) =>
      (state === 'Disabled' || state === 'Disabling') &&
      standingOf(streamArn, row).kind === 'current',
  );
}

function listStillDisabled(
  row: ControlRow,
  { io, mappings, replication }: Pick<ShownPlan, 'io' | 'mappings' | 'replication'>,
): void {
  for (const { id } of stillDisabled(mappings, row)) {
    // Enabled by hand, it would only hold its records.
    const next =
      row.paused === undefined
        ? enable(id, replication)
        : 'The replication is paused. `ferry resume` enables the mapping.';
    io.err(`The event source mapping ${id} was already disabled, and stays disabled. ${next}`);
  }
}

function enable(id: string, { source }: ReplicationConfig): string {
  return `To enable it, run: aws lambda update-event-source-mapping --region ${source.region} --uuid ${id} --enabled`;
}

/** Printed before all versions are read. */
export function announceReading(shown: ShownPlan): void {
  const { io, plan } = shown;
  if (plan.kind !== 'survey') return;
  io.err(`Reading the version of every item of the twin (${costOf(shown)}), because ${plan.why}.`);
}

/** Between lines where no terminal shows a status line. */
const PLAIN_INTERVAL_MS = 30_000;

export function adoptReporter({ io, replication }: Call) {
  const disabled = new Map<string, EventSource>();
  let shownLeftMs = Infinity;
  let isWaiting = false;
  const settling = (leftMs: number) => {
    const line = `Waiting until no earlier write can arrive: ${Math.ceil(leftMs / 1000)} s left.`;
    io.status(line);
    if (io.isTerminal || shownLeftMs - leftMs < PLAIN_INTERVAL_MS) return;
    shownLeftMs = leftMs;
    io.err(line);
  };
  const onStep = (step: AdoptStep) => {
    switch (step.kind) {
      case 'disable':
        disabled.set(step.mapping.id, step.mapping);
        io.err(`Disabling the event source mapping ${step.mapping.id}.`);
        return;
      case 'waiting':
        if (!isWaiting) io.err('Waiting until Lambda has disabled it.');
        isWaiting = true;
        return;
      case 'settling':
        settling(step.leftMs);
        return;
      case 'reading':
        io.status(
          `${counted(step.survey.items, 'item')} read, ${grouped(Math.round(step.readUnits))} RCU`,
        );
        return;
      case 'write':
        io.err(
          step.sameEpochs
            ? `Completing both copies of the control row, because ${step.why}.`
            : `Opening epoch ${newestEpoch(step.row).n}, because ${step.why}.`,
        );
        return;
      case 'enable':
        disabled.delete(step.mapping.id);
        io.err(`Enabled the event source mapping ${step.mapping.id}.`);
        return;
      case 'leave-disabled':
        disabled.delete(step.mapping.id);
        io.err(leftDisabled(step.mapping));
    }
  };
  return {
    onStep,
    /** After a failure: which mappings are disabled now, and what to do. */
    listDisabled() {
      for (const id of disabled.keys()) {
        io.err(
          `The event source mapping ${id} is disabled. Run \`ferry adopt --apply\` again, then enable the mapping. ${enable(id, replication)}`,
        );
      }
    },
  };
}

function leftDisabled({ id, streamArn }: EventSource): string {
  return `The event source mapping ${id} stays disabled, because its stream ${streamArn} must not write anymore. The next deployment replaces the mapping.`;
}

/** Sizes are up to six hours old. */
function costOf({ pair, replication }: ShownPlan): string {
  const { destination } = pair.facts;
  const units = readUnits(destination.sizeBytes);
  const cost = costs(dollars({ read: units, write: 0 }), replication);
  return [`about ${counted(destination.items, 'item')}`, `${grouped(units)} RCU`, ...cost].join(
    ', ',
  );
}
