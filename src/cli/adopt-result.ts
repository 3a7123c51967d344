// What an adoption would do, does, or has done, for people or for machines.

import type { ReplicationConfig } from '../config/config.ts';
import type { AdoptionChoice, AdoptionPlan, Opened, Survey } from '../switchover/adoption.ts';
import { dollars, readUnits } from '../model/capacity.ts';
import { type ControlRow, newestEpoch, standingOf } from '../model/control-row.ts';
import { duration } from '../text/duration.ts';
import { type AdoptStep, refusal } from '../switchover/adopt.ts';
import type { EventSource } from '../ports.ts';
import type { TablePair } from '../composition/table-pair.ts';
import type { ParsedOptions } from './command.ts';
import { counted, EXIT, grouped, type Io } from './output.ts';
import { money } from './progress.ts';

/** What a screen needs of a plan. */
export interface ShownPlan {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
  readonly pair: TablePair;
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
  const { options, io, replication, plan } = shown;
  if (plan.kind === 'refused') throw refusal(plan);
  if (options.has('json')) io.out(planJson(shown));
  else {
    io.out(titleOf(replication));
    const lines = plan.kind === 'nothing' ? nothingLines(plan.row) : planLines(plan, shown);
    for (const line of lines) io.out(line);
  }
  // An earlier run may have been killed after it had written the row.
  if (plan.kind !== 'nothing') return EXIT.differences;
  tellStillDisabled(plan.row, shown);
  return EXIT.done;
}

function planJson({ replication, plan, mappings, choice, settleMs }: ShownPlan): string {
  const rows = plan.kind === 'open' || plan.kind === 'nothing' ? rowFacts(plan.row) : {};
  const waits = choice.asIs || plan.kind === 'nothing' ? 0 : settleMs / 1000;
  return JSON.stringify({
    replication: replication.name,
    apply: false,
    adopt: plan.kind !== 'nothing',
    why: plan.kind === 'nothing' || plan.kind === 'refused' ? undefined : plan.why,
    ...rows,
    mappings: mappings.map(({ id, state }) => ({ id, state })),
    waitSeconds: waits,
  });
}

function rowFacts(row: ControlRow) {
  const { n, streams } = newestEpoch(row);
  return { revision: row.revision, epoch: n, streams };
}

function nothingLines(row: ControlRow): string[] {
  const { n, streams } = newestEpoch(row);
  return [
    `The control row is as it should be: epoch ${n}, stream ${streams.join(', ')}.`,
    'There is nothing to adopt. With --again, another epoch is opened all the same.',
  ];
}

function planLines(plan: Opened | Survey, shown: ShownPlan): string[] {
  return [
    ...pauseLines(shown),
    ...intentLines(plan, shown),
    'Nothing was changed. With --apply it does so.',
  ];
}

function pauseLines({ mappings, settleMs, isDeployed, choice }: ShownPlan): string[] {
  if (choice.asIs) return [];
  if (!isDeployed) return ['No function is deployed: nothing has to be paused.'];
  const on = mappings.filter(({ state }) => state !== 'Disabled');
  const wait = `wait ${duration(settleMs)}, until no earlier write can land`;
  if (on.length === 0) return [`No event source mapping is enabled. It would ${wait}.`];
  return [`It would disable the event source mapping ${idsOf(on)}, and ${wait}.`];
}

function intentLines(plan: Opened | Survey, { pair, choice }: ShownPlan): string[] {
  if (plan.kind === 'open') {
    const { n, streams } = newestEpoch(plan.row);
    return [`It would open epoch ${n} for the stream ${streams.join()}, because ${plan.why}.`];
  }
  return [
    `Because ${plan.why}, it would read every version of the twin (${costOf(pair)}),`,
    choice.asIs
      ? 'and go on in epoch 1, unless anything else has written to the twin.'
      : 'and open the epoch above the highest.',
  ];
}

function idsOf(mappings: readonly EventSource[]): string {
  return mappings.map(({ id }) => id).join(', ');
}

export interface Adopted extends ShownPlan {
  readonly row: ControlRow;
}

export function printAdopted(adopted: Adopted): void {
  const { options, io, replication, row, mappings, choice } = adopted;
  const stay = choice.asIs ? [] : stillDisabled(mappings, row);
  if (options.has('json')) {
    const result = { replication: replication.name, apply: true, adopt: true, ...rowFacts(row) };
    io.out(JSON.stringify({ ...result, disabledMappings: stay.map(({ id }) => id) }));
  } else {
    const { n, streams } = newestEpoch(row);
    io.out(titleOf(replication));
    io.out(`Epoch ${n} is open for the stream ${streams.join(', ')}.`);
    if (choice.asIs) io.out('Deploy this release now.');
    else io.out('Run `ferry verify` next, and `ferry repair` for what it finds.');
  }
  if (!choice.asIs) tellStillDisabled(row, adopted);
}

/** Disabled by somebody else, or by an earlier run that was interrupted. */
function stillDisabled(mappings: readonly EventSource[], row: ControlRow): EventSource[] {
  return mappings.filter(
    ({ state, streamArn }) =>
      (state === 'Disabled' || state === 'Disabling') &&
      standingOf(streamArn, row).kind === 'current',
  );
}

function tellStillDisabled(
  row: ControlRow,
  { io, mappings, replication }: Pick<ShownPlan, 'io' | 'mappings' | 'replication'>,
): void {
  for (const { id } of stillDisabled(mappings, row)) {
    // Enabled by hand, it would only hold its records.
    const next =
      row.paused === undefined
        ? enable(id, replication)
        : 'The replication is paused: `ferry resume` enables it.';
    io.err(`The event source mapping ${id} was disabled before, and still is. ${next}`);
  }
}

function enable(id: string, { source }: ReplicationConfig): string {
  return `To enable it: aws lambda update-event-source-mapping --region ${source.region} --uuid ${id} --enabled`;
}

function titleOf({ name, source, destination }: ReplicationConfig): string {
  return `${name}, ${source.region}/${source.table} to ${destination.region}/${destination.table}`;
}

export interface AdoptReporter {
  readonly onStep: (step: AdoptStep) => void;
  /** Says what reading all versions costs, before it is done. */
  begin(shown: ShownPlan): void;
  /** After a failure: which mappings are disabled now, and what to do. */
  tellDisabled(): void;
}

/** Where no terminal shows the time pass. */
const PLAIN_INTERVAL_MS = 30_000;

export function adoptReporter(io: Io, replication: ReplicationConfig): AdoptReporter {
  const disabled = new Map<string, EventSource>();
  let shownLeftMs = Infinity;
  let isWaiting = false;
  const settling = (leftMs: number) => {
    const line = `Waiting until no earlier write can land: ${Math.ceil(leftMs / 1000)} s left.`;
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
        io.err(`Opening epoch ${newestEpoch(step.row).n}: ${step.why}.`);
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
    begin({ plan, pair }) {
      if (plan.kind !== 'survey') return;
      io.err(`Every version of the twin is read, because ${plan.why}: ${costOf(pair)}.`);
    },
    tellDisabled() {
      for (const id of disabled.keys()) {
        io.err(
          `The event source mapping ${id} is disabled. Run \`ferry adopt --apply\` again, then enable the mapping. ${enable(id, replication)}`,
        );
      }
    },
  };
}

function leftDisabled({ id, streamArn }: EventSource): string {
  return `The event source mapping ${id} stays disabled: its stream ${streamArn} may not write any more. Deploy, and it is replaced.`;
}

/** As of up to six hours ago. */
function costOf({ facts: { destination } }: ShownPlan['pair']): string {
  const units = readUnits(destination.sizeBytes);
  const cost = money(dollars({ read: units, write: 0 }));
  return `about ${counted(destination.items, 'item')}, ${grouped(units)} RCU, ${cost}`;
}
