// What a switch has come to, or would: for people, and as JSON for scripts.

import type { Side } from '../config/identity.ts';
import { itemJson } from '../model/attribute-value.ts';
import { utcTime } from '../status/pause.ts';
import type { OpenLetter } from '../switching/ports.ts';
import type { SwitchProof } from '../switching/proof.ts';
import {
  isClear,
  type LeftItem,
  type OpenWork,
  type SwitchRequest,
  type SwitchResult,
} from '../switching/step.ts';
import { duration } from '../text/duration.ts';
import { counted, grouped } from './output.ts';
import { listed } from './rows.ts';
import { lostOptions } from './switch-options.ts';

/** Fields are added, never renamed. */
export function switchFacts(result: SwitchResult): object {
  const { kind } = result;
  switch (result.kind) {
    case 'preview': {
      const { counts, open, lagMs, expectedOutageMs, ...preview } = result.preview;
      const [lagSeconds, expectedOutageSeconds] = [lagMs / 1000, expectedOutageMs / 1000];
      const times = { lagSeconds, expectedOutageSeconds };
      return { result: kind, ...preview, ...counts, ...times, ...openFacts(open) };
    }
    case 'switched':
      return { result: kind, proof: result.proof, left: result.left.map(leftFacts) };
    case 'unproven':
      return { result: kind, why: result.why, ...openFacts(result.open) };
    case 'lost-preview': {
      const newest = result.newest.map(({ atMs, ...shard }) => ({ ...shard, at: isoTime(atMs) }));
      const halfOpen = result.halfOpen && { since: isoTime(result.halfOpen.sinceMs) };
      return {
        result: kind,
        from: result.from,
        to: result.to,
        newest,
        ...(halfOpen && { halfOpen }),
      };
    }
    case 'rejoin-preview': {
      const { region, epoch, lostSinceMs } = result;
      return { result: kind, region, epoch, lostSince: isoTime(lostSinceMs) };
    }
    case 'rejoined': {
      const { counts, undecided, left } = result;
      return { result: kind, ...counts, undecided, left: left.map(leftFacts) };
    }
    case 'already':
    case 'finished':
    case 'cancelled':
    case 'drained': {
      const { kind: _, ...facts } = result;
      return { result: kind, ...facts };
    }
  }
}

const isoTime = (ms: number | undefined) =>
  ms === undefined ? undefined : new Date(ms).toISOString();

function openFacts({ letters, rejected, ...open }: OpenWork): object {
  return {
    ...open,
    letters: letters.map(({ key, createdAtSeconds, sequenceNumber, reason }) => ({
      sequenceNumber,
      key: key && (JSON.parse(itemJson(key)) as object),
      createdAt: isoTime(createdAtSeconds && createdAtSeconds * 1000),
      reason,
    })),
    rejected: rejected.map(leftFacts),
  };
}

function leftFacts({ key, why }: LeftItem): object {
  return { key: JSON.parse(itemJson(key)) as object, why };
}

export interface ToldSwitch {
  /** As people type it. */
  readonly command: string;
  readonly request: SwitchRequest;
  readonly target: Side;
  /** Whether this run has changed anything. */
  readonly hasBegun: boolean;
}

export function switchLines(result: SwitchResult, told: ToldSwitch): string[] {
  const { command, request, target } = told;
  switch (result.kind) {
    case 'already':
      return [
        `${result.active} is active already (epoch ${result.epoch}). There is nothing to do.`,
      ];
    case 'finished':
      return [
        `${result.active} is active (epoch ${result.epoch}). The switch of an earlier run is finished.`,
      ];
    case 'cancelled':
      return [`Cancelled: ${result.why}. ${result.active} is active.`];
    case 'preview':
      return request.kind === 'cancel'
        ? cancelLines(result.preview, command)
        : previewLines(result.preview, told);
    case 'drained':
      return [
        ...proofLines(result.proof),
        `${result.proof.from} stays fenced. Run \`ferry ${target === 'destination' ? 'failover' : 'failback'} --apply\` to go on, or \`${command} --cancel --apply\`.`,
      ];
    case 'switched':
      return [...proofLines(result.proof), ...leftLines(result.left), ...followUps(result.proof)];
    case 'unproven':
      return [
        `Not proven: ${result.why}.`,
        ...openLines(result.open),
        `${told.hasBegun ? 'What is fenced stays fenced.' : 'Nothing was changed.'} Decide on what is open, and run \`${command} --apply\` again.`,
        ...(told.hasBegun && request.kind !== 'rejoin'
          ? [`To end the switch instead, run \`${command} --cancel --apply\`.`]
          : []),
      ];
    case 'lost-preview':
      return [
        `${result.from} is taken for lost; ${result.to} would become active without a proof.`,
        ...listed(
          result.newest.map(({ shardId, atMs, isWhole }) => [
            shardId,
            `${atMs === undefined ? 'nothing has arrived' : `newest change of ${utcTime(atMs)}`}${isWhole ? '' : ', not read to its tip'}`,
          ]),
        ),
        ...halfOpenLines(result),
        `Later changes are stranded in ${result.from} until it rejoins.`,
        `Nothing was changed. Run \`${command} ${lostOptions(request)} --apply\`.`,
      ];
    case 'rejoin-preview':
      return [
        `${result.region} was lost at ${utcTime(result.lostSinceMs)}, in epoch ${result.epoch}.`,
        'The rejoin would fence its table, end its epoch, save what differs, let the way back catch up, and repair its table.',
        `Nothing was changed. Run \`${command} --apply\`.`,
      ];
    case 'rejoined':
      return rejoinedLines(result);
  }
}

/** What is assumed, because it cannot be known. */
function halfOpenLines({
  from,
  to,
  halfOpen,
}: Extract<SwitchResult, { kind: 'lost-preview' }>): string[] {
  if (halfOpen === undefined) return [];
  const { sinceMs } = halfOpen;
  const since = sinceMs === undefined ? '' : ` since ${utcTime(sinceMs)}`;
  return [
    `A switch from ${to} to ${from} has closed both sides. It is assumed that it has opened ${from}, and that applications have written there${since}.`,
    `${to} would get two epochs: one of ${from}, which is lost, and one of its own.`,
  ];
}

type Preview = Extract<SwitchResult, { kind: 'preview' }>['preview'];

function previewLines(
  { from, to, counts, open, lagMs, expectedOutageMs, takesOver }: Preview,
  { command, request }: ToldSwitch,
): string[] {
  const isDrain = request.kind === 'drain';
  const { keys, behind, records, shards } = counts;
  return [
    isDrain
      ? `${from} is active. The drain would prove that ${to} has everything, and leave ${from} fenced.`
      : `${from} is active, ${to} would become active.`,
    ...(takesOver === undefined
      ? []
      : [`Another run holds the switch, at the step "${takesOver}": it would be taken over.`]),
    ...listed([
      [
        'audited',
        `${counted(shards, 'shard')}, ${counted(records, 'record')}, ${counted(keys, 'key')}`,
      ],
      [
        'behind',
        behind === 0
          ? 'no key'
          : `${counted(behind, 'key')}; the oldest change is ${duration(lagMs)} old`,
      ],
      ['dead letters', grouped(open.letters.length)],
      ['expected outage', `about ${duration(expectedOutageMs)} of refused writes`],
    ]),
    ...openLines(open),
    `Steps: 1 claim, 2 fence ${from}, 3 audit, 4 ${isDrain ? 'ask for dead letters, 5 wait and look again' : `close, 5 wait and look again, 6 open ${to}, 7 tell ${from}`}.`,
    isClear(open)
      ? `Nothing was changed. Run \`${command} --apply\`.`
      : 'Nothing was changed. With --apply, it would stop before the fence, until nothing is open.',
  ];
}

function cancelLines({ from, to, takesOver }: Preview, command: string): string[] {
  return [
    `A switch to ${to} is under way, at the step "${takesOver}".`,
    `It would be ended: both control rows are opened again, and then the fence of ${from} is removed.`,
    `Nothing was changed. Run \`${command} --cancel --apply\`.`,
  ];
}

const LETTERS_SHOWN = 20;

function openLines({
  letters,
  batches,
  lost,
  backfill,
  rejected,
  stranded = 0,
}: OpenWork): string[] {
  const more = letters.length - LETTERS_SHOWN;
  return [
    ...listed(letters.slice(0, LETTERS_SHOWN).map(letterCells)),
    ...(more > 0 ? [`  and ${counted(more, 'more letter')}; --json lists all`] : []),
    ...(batches > 0
      ? [
          `  ${counted(batches, 'batch', 'batches')} that Lambda gave up, ${grouped(lost)} of them lost: see \`ferry redrive\``,
        ]
      : []),
    ...(backfill ? ['  a backfill that has not ended: see `ferry backfill`'] : []),
    ...(stranded > 0
      ? [`  ${counted(stranded, 'stranded write')} to decide: see \`ferry stranded list\``]
      : []),
    ...leftLines(rejected),
  ];
}

function letterCells({ sequenceNumber, key, reason }: OpenLetter): string[] {
  return [
    `letter ${sequenceNumber ?? 'without a number'}`,
    reason,
    key === undefined ? '' : itemJson(key),
  ];
}

function leftLines(left: readonly LeftItem[]): string[] {
  return listed(left.map(({ key, why }) => [itemJson(key), why]));
}

/** The printed proof; the whole of it is in the ledger, and in the JSON. */
function proofLines(proof: SwitchProof): string[] {
  const { shards, records, keys, applied, lettersAccepted, lookedAgain, rpo, rtoSeconds } = proof;
  const { from, to } = proof.writesRefused;
  const clock = (time: string) => time.slice(11, 19);
  const loss = rpo.proven
    ? 'RPO 0, proven.'
    : `RPO ${rpo.seconds === null ? 'unknown' : `about ${Math.round(rpo.seconds)} s`}, not proven.`;
  const refused = `writes refused ${clock(from)} to ${to === undefined ? 'now' : clock(to)}.`;
  return [
    ...(rpo.proven
      ? [
          `Audited ${counted(shards, 'shard')}, ${counted(records, 'record')}, ${counted(keys, 'key')}, ${grouped(applied)} applied; looked again at ${counted(lookedAgain.keys, 'key')}.`,
        ]
      : []),
    ...(lettersAccepted.length > 0
      ? [`Accepted ${counted(lettersAccepted.length, 'dead letter')}.`]
      : []),
    `${loss} ${rtoSeconds === undefined ? 'W' : `RTO ${Math.round(rtoSeconds)} s: w`}${refused.slice(1)}`,
  ];
}

function followUps({ from, to, rpo }: SwitchProof): string[] {
  return [
    `Move the expiry (TTL) of items to ${to}, if the table has one.`,
    ...(rpo.proven ? [] : [`When ${from} is back, run \`ferry rejoin\`.`]),
  ];
}

function rejoinedLines({
  counts,
  undecided,
  left,
}: Extract<SwitchResult, { kind: 'rejoined' }>): string[] {
  const { items, saved, put, deleted } = counts;
  return [
    `Compared ${counted(items, 'item')}, saved ${grouped(saved)}; repaired ${grouped(put)} put, ${grouped(deleted)} deleted.`,
    undecided === 0
      ? 'No stranded write waits for a decision.'
      : `${counted(undecided, 'stranded write')} to decide: see \`ferry stranded list\`.`,
    ...(left.length === 0
      ? []
      : [`${counted(left.length, 'item')} could not be made equal:`, ...leftLines(left)]),
  ];
}
