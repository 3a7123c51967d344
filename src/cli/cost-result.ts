// The result of `ferry cost`: the parts and their lines, the global table beside them, what dominates, and what all of
// it stands on.

import type { Compared } from '../cost/actual.ts';
import { type Bill, dominant, type Part, sumOf } from '../cost/bill.ts';
import { assumptionsOf } from '../cost/estimate.ts';
import { type Prices, SOURCES } from '../cost/prices.ts';
import type { Setting } from '../cost/setting.ts';
import { type Call, type GivenCall, printResult, titleOf } from './call.ts';
import { grouped } from './output.ts';
import { columns, rowsWithin } from './rows.ts';

export interface Cost {
  readonly setting: Setting;
  readonly prices: Prices;
  readonly bill: Bill;
  /** The sum, if Lambda gathered each batch for a second. */
  readonly gathering: number | undefined;
  readonly globalTable: Bill;
  /** Where the workload is that of the source, of so long. */
  readonly observedSeconds?: number;
  readonly actual?: readonly Compared[];
}

type Printing = GivenCall & Pick<Call, 'replication'>;

export function printCost(cost: Cost, call: Printing): void {
  printResult(call, costFacts(cost), costLines(cost, call));
}

function costFacts({ setting, prices, bill, gathering, globalTable, ...found }: Cost) {
  const { observedSeconds, actual } = found;
  const { workload, shards = null, roundTripMs } = setting;
  return {
    currency: 'USD',
    per: 'month',
    workload: { ...workload, observedSeconds: observedSeconds ?? null, shards, roundTripMs },
    total: cents(bill.dollars),
    parts: bill.parts.map(partFacts),
    unpriced: bill.unpriced.map(({ part, what, region }) => ({ part, what, region })),
    dominates: dominant(bill) ?? null,
    totalWithBatchingWindow: gathering === undefined ? null : cents(gathering),
    globalTable: { total: cents(globalTable.dollars), parts: globalTable.parts.map(partFacts) },
    ...(actual && { actual }),
    prices: { dates: Object.fromEntries(datesOf(setting, prices)), sources: SOURCES },
    assumptions: assumptionsOf(setting),
  };
}

function partFacts({ part, dollars, lines }: Part) {
  return {
    part,
    dollars: cents(dollars),
    lines: lines.map(({ what, amount, region, dollars: own }) => ({
      what,
      amount: Math.round(amount * 1000) / 1000,
      region,
      dollars: own === undefined ? null : cents(own),
    })),
  };
}

function costLines(cost: Cost, call: Printing): string[] {
  const { setting, bill, globalTable, actual, prices } = cost;
  const { unpriced } = bill;
  return [
    `${titleOf(call.replication)}: estimate in dollars a month`,
    workloadLine(cost),
    ...table([...bill.parts.map(partRow), ['total', money(bill.dollars), '']], call),
    ...dominantLines(cost),
    ...unpriced.map(
      ({ what, part, region }) =>
        `Not in the sum, because Ferry has no price of it in ${region}: ${what} (${part}).`,
    ),
    '',
    'The same workload as a global table',
    ...table([...globalTable.parts.map(partRow), ['total', money(globalTable.dollars), '']], call),
    '',
    ...(actual === undefined ? [] : [...actualLines(actual), '']),
    'Assumptions',
    ...assumptionsOf(setting).map((text) => `  - ${text}`),
    `Prices: ${datesOf(setting, prices)
      .map(([region, date]) => `${region} of ${date}`)
      .join(', ')}, from ${SOURCES[0]} and the pages of the other services.`,
  ];
}

function workloadLine({ setting: { workload }, observedSeconds }: Cost): string {
  const { writesPerSecond, itemBytes, deleteShare, updateShare, items } = workload;
  const from =
    observedSeconds === undefined
      ? ''
      : `, as CloudWatch has it of the last ${grouped(Math.round(observedSeconds / 3600))} hours`;
  return `${rate(writesPerSecond)} writes/s of ${grouped(itemBytes)} bytes, ${percent(deleteShare)} deletes, ${percent(updateShare)} updates, ${grouped(items)} items${from}`;
}

function partRow({ part, dollars, lines }: Part): readonly [string, string, string] {
  const amounts = lines
    .filter(({ amount }) => amount > 0)
    .map(({ what, amount, price }) => `${rate(amount)} ${what}${price === 'free' ? ', free' : ''}`);
  return [part, money(dollars), amounts.join('; ')];
}

/** On a narrow terminal, amounts have lines of their own. */
function table(
  rows: ReadonlyArray<readonly [string, string, string]>,
  { io }: GivenCall,
): string[] {
  const widest = Math.max(...rows.map(([, dollars]) => dollars.length));
  return rowsWithin(
    rows.map(([part, dollars, amounts]) => [part, dollars.padStart(widest), amounts]),
    io.resultColumns?.() ?? Infinity,
  );
}

/** Below this share of the sum, a saving is not worth a line. */
const SAVING_MIN = 0.1;

function dominantLines({ bill, gathering = bill.dollars }: Cost): string[] {
  const found = dominant(bill);
  if (found === undefined) return [];
  return [
    `Dominates: ${found.part}, ${percent(found.share)}.`,
    ...(gathering < bill.dollars * (1 - SAVING_MIN)
      ? [
          `With "eventSource": { "maxBatchingWindowSeconds": 1 }, the sum is ${money(gathering)}: up to a second more of latency, and fewer invocations.`,
        ]
      : []),
  ];
}

function actualLines(actual: readonly Compared[]): string[] {
  const rows = actual.map((one): string[] => [
    one.measure,
    rate(one.estimated),
    rate(one.actual),
    one.estimated === 0 ? '' : percent(one.actual / one.estimated),
    money(one.estimatedDollars),
    money(one.actualDollars),
  ]);
  const head = ['', 'estimated', 'actual', 'of it', 'estimated', 'actual'];
  const align = ['left', 'right', 'right', 'right', 'right', 'right'] as const;
  return [
    'Estimated and actual, a month',
    ...columns([head, ...rows], align).map((line) => `  ${line}`),
  ];
}

/** Of several replications, and of the fleet that they are. */
export function printTotal(costs: readonly Cost[], fleet: Bill, call: GivenCall): void {
  const total = sumOf([...costs.map(({ bill }) => bill), fleet]);
  const asGlobalTables = sumOf(costs.map(({ globalTable }) => globalTable));
  const facts = {
    replications: costs.length,
    dashboardsAndAlarms: cents(fleet.dollars),
    total: cents(total),
    globalTables: cents(asGlobalTables),
  };
  const ofFleet = fleet.dollars === 0 ? '' : `, ${money(fleet.dollars)} of it for "fleet"`;
  printResult(call, { fleet: facts }, [
    '',
    `All ${costs.length} replications: ${money(total)} a month${ofFleet}; as global tables ${money(asGlobalTables)}.`,
  ]);
}

function datesOf({ replication }: Setting, prices: Prices) {
  const { source, destination } = replication;
  const regions = [...new Set([source.region, destination.region])];
  return regions.map((region) => [region, prices[region]?.date] as const);
}

function cents(dollars: number): number {
  return Math.round(dollars * 100) / 100;
}

function money(dollars: number): string {
  return `$${dollars.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** Small ones with a digit or two behind the point. */
function rate(amount: number): string {
  return amount >= 100 ? grouped(Math.round(amount)) : String(Number(amount.toPrecision(2)));
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}
