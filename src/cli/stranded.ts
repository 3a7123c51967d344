// `ferry stranded list`, `replay` and `drop`: writes of a Region that was lost, which have not been made in the Region
// that is active since.

import { type Item, itemJson } from '../model/attribute-value.ts';
import { readCopy } from '../switching/copies.ts';
import { requireRow } from '../switching/plan.ts';
import type { SwitchPorts } from '../switching/ports.ts';
import {
  runStranded,
  type StrandedOutcome,
  type StrandedReport,
} from '../switching/stranded-run.ts';
import { recordOf, type StrandedWrite } from '../switching/stranded.ts';
import type { StrandedPlace } from '../switching/stranded-objects.ts';
import { exitCode, aboutReplication, printResult, titleOf, withOpen, type Call } from './call.ts';
import { type Command, numberOption, type OptionSpec, type ParsedOptions } from './command.ts';
import { keyFrom, keyOption, requireKeyOf } from './key-option.ts';
import { counted, grouped } from './output.ts';
import { replicationOptions } from './replication.ts';
import { listed } from './rows.ts';
import { activeSide, openFor, switchableReplication } from './switch.ts';

type Action = 'list' | 'replay' | 'drop';

export const strandedListCommand = strandedCommand('list', {
  key: keyOption('only the item with this key'),
  limit: numberOption('N', [1, 100_000], 'how many writes to show', 100),
  skip: numberOption('N', [0, 1_000_000_000], 'how many writes to pass over first', 0),
  images: { help: 'show each write with its images: as it was kept, and on both sides' },
});

export const strandedReplayCommand = strandedCommand('replay', {
  key: keyOption('the item with this key, also if the active Region has written it since'),
  apply: { help: 'put them into the active table, as the application would' },
});

export const strandedDropCommand = strandedCommand('drop', {
  key: keyOption('only the item with this key'),
  apply: { help: 'record that they are not wanted; nothing is deleted' },
});

function strandedCommand(action: Action, options: Readonly<Record<string, OptionSpec>>): Command {
  return {
    name: `stranded ${action}`,
    options: {
      ...replicationOptions,
      ...options,
      json: { help: 'print the result as one line of JSON' },
    },
    async run(given, io) {
      const work = async (call: Call) => {
        const target = await activeSide(call);
        const opening = openFor(call, { target, fencedByApplication: false, isLost: false });
        return withOpen(opening, ({ ports }) => run(action, call, ports));
      };
      const replication = await switchableReplication(given);
      return aboutReplication(replication, { options: given, io }, { hint: HINT, run: work });
    },
  };
}

const HINT = 'You can safely run the command again.';

async function run(action: Action, call: Call, ports: SwitchPorts): Promise<number> {
  const { options, io, replication } = call;
  const key = keyFrom(options);
  const chosen = key && requireKeyOf(ports.target.keys, key);
  const apply = action !== 'list' && options.has('apply');
  const row = requireRow(await readCopy(ports.target, ports), ports.target);
  const isJson = options.has('json');
  const page = pageOf(action, options);
  const writes: object[] = [];
  if (!isJson) io.out(titleOf(replication));
  const report = await runStranded(
    { action, apply, key: chosen },
    { row, ports },
    {
      async onWrite(write, place, outcome) {
        if (!page.shows(outcome)) return;
        const images = options.has('images') ? await imagesOf(write, place) : undefined;
        if (isJson) writes.push(writeFacts(write, outcome, images));
        else for (const line of writeLines(write, outcome, { images, apply })) io.out(line);
      },
      onUnreadable: ({ object, line, problem }) =>
        io.err(`${object}, line ${line}, cannot be read: ${problem}.`),
    },
  );
  const more = page.more();
  const facts = { operation: `stranded ${action}`, apply, ...report, writes, more };
  const isWhole = chosen === undefined && (apply || action === 'list');
  printResult(call, facts, [
    ...(more === 0
      ? []
      : [`and ${counted(more, 'more write')}: --skip ${page.end} shows the next.`]),
    ...totals(report, { action, apply, isWhole }),
  ]);
  return exitCode(report.undecided + report.unreadable === 0);
}

/** Of a list, a page; of what is changed, everything that is. */
function pageOf(action: Action, options: ParsedOptions) {
  const isList = action === 'list';
  const skip = isList ? (options.integer('skip') ?? 0) : 0;
  const end = isList ? skip + (options.integer('limit') ?? 0) : Infinity;
  let count = 0;
  return {
    end,
    shows(outcome: StrandedOutcome | undefined): boolean {
      if (!isList && outcome === undefined) return false;
      count += 1;
      return count > skip && count <= end;
    },
    /** How many come behind the page. */
    more: () => Math.max(0, count - end),
  };
}

interface Images {
  readonly record?: Item | undefined;
  readonly lost?: Item | undefined;
  readonly active?: Item | undefined;
}

async function imagesOf(write: StrandedWrite, place: StrandedPlace): Promise<Images> {
  const record = (await recordOf(write, place))?.newImage;
  return { record, lost: write.item?.lost, active: write.item?.active };
}

function writeFacts(
  { epoch, key, class: kind, decision, record }: StrandedWrite,
  outcome: StrandedOutcome | undefined,
  images: Images = {},
): object {
  const json = (item: Item | undefined) => item && (JSON.parse(itemJson(item)) as object);
  return {
    epoch,
    key: json(key),
    class: kind,
    decision,
    version: record?.version,
    writtenAt: record && timeOf(record.createdAtSeconds),
    event: record?.eventName,
    ...(outcome && { outcome: outcome.kind }),
    ...(outcome?.kind === 'left' && { why: outcome.why }),
    ...Object.fromEntries(
      Object.entries(images).map(([name, item]: [string, Item]) => [name, json(item)]),
    ),
  };
}

const timeOf = (seconds: number) => new Date(seconds * 1000).toISOString();

const OUTCOMES = {
  put: 'put',
  deleted: 'deleted',
  equal: 'the same there',
  dropped: 'dropped',
} as const;

function writeLines(
  { key, class: kind, decision, record }: StrandedWrite,
  outcome: StrandedOutcome | undefined,
  { images = {}, apply }: { readonly images?: Images | undefined; readonly apply: boolean },
): string[] {
  const what =
    outcome === undefined
      ? (decision ?? '')
      : outcome.kind === 'left'
        ? `left: ${outcome.why}`
        : `${apply ? '' : 'would be '}${OUTCOMES[outcome.kind]}`;
  const when = record === undefined ? 'time unknown' : timeOf(record.createdAtSeconds);
  const cells = [kind ?? 'not classed', itemJson(key), when, record?.eventName ?? '', what];
  const shown = Object.entries(images).map(([name, item]: [string, Item | undefined]) => [
    `  ${name}`,
    item === undefined ? 'no item' : itemJson(item),
  ]);
  return [...listed([cells]), ...listed(shown)];
}

function totals(
  report: StrandedReport,
  { action, apply, isWhole }: { action: Action; apply: boolean; isWhole: boolean },
): string[] {
  const { arrived, stranded, overtaken, unclassed, undecided, replayed, dropped, left } = report;
  const would = apply ? '' : 'would be ';
  return [
    `${grouped(stranded)} stranded, ${grouped(overtaken)} overtaken, ${grouped(arrived)} arrived${unclassed > 0 ? `, ${grouped(unclassed)} not classed yet` : ''}.`,
    ...(action === 'replay'
      ? [`${grouped(replayed)} ${would}replayed, ${grouped(left)} left.`]
      : []),
    ...(action === 'drop' ? [`${grouped(dropped)} ${would}dropped.`] : []),
    ...(isWhole ? [decisionText(undecided)] : []),
    ...(action !== 'list' && !apply ? ['Nothing was changed. Run the command with --apply.'] : []),
  ];
}

function decisionText(undecided: number): string {
  return undecided === 0
    ? 'No stranded write waits for a decision.'
    : `${counted(undecided, 'write')} to decide: run \`ferry stranded replay --apply\` or \`ferry stranded drop --apply\`.`;
}
