// bench/results.json -> tables of Markdown, between markers in README.md and bench/README.md.
// `npm run bench:tables`

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Found, foundText, type Goal, goalsOf, isMet, wantedText } from './goals.ts';
import {
  cpuPerRecord,
  median,
  perSecond,
  ratios,
  type Result,
  RESULTS_FILE,
  short,
  spread,
} from './results.ts';

export interface ResultsFile extends Found {
  readonly node: string;
  readonly machine: string;
  readonly backlog: number;
}

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const numbers = head.slice(1).map(() => '---:');
  return [head, ['---', ...numbers], ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function goalRow(goal: Goal): string[] {
  const verdict = isMet(goal) ? 'met' : '**missed**';
  return [goal.what, wantedText(goal), foundText(goal), verdict];
}

export function goalsTable(results: ResultsFile): string {
  const head = ['', 'wanted', 'found: median (lowest-highest)', ''];
  return table(head, goalsOf(results).map(goalRow));
}

function resultRow(result: Result, first: Result): string[] {
  const { rounds, approach, unitsPerRecord } = result;
  const middle = (figure: (one: (typeof rounds)[number]) => number) =>
    short(median(rounds.map(figure)));
  return [
    approach,
    middle(perSecond),
    spread(ratios(result, first, perSecond)),
    middle(cpuPerRecord),
    middle(({ requests, records }) => requests / records),
    short(unitsPerRecord),
    middle(({ peakMiB }) => peakMiB),
  ];
}

/** One for each scenario; what stands first in it is 1. */
export function scenarioTables({ results }: ResultsFile): string {
  const names = [...new Set(results.map(({ scenario }) => scenario))];
  const head = [
    'records/s',
    'as a multiple of the first',
    'µs of processor per record',
    'requests per record',
    'write units per record',
    'peak MiB',
  ];
  return names
    .map((name) => {
      const members = results.filter(({ scenario }) => scenario === name);
      const rows = members.map((one, _, [first = one]) => resultRow(one, first));
      return table([name, ...head], rows);
    })
    .join('\n\n');
}

export function readResults(): ResultsFile {
  return JSON.parse(readFileSync(RESULTS_FILE, 'utf8')) as ResultsFile;
}

/** `text` with what stands between the markers of `name` replaced. */
export function between(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`there is no place between "${start}" and "${end}"`);
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`;
}

export function withTables(path: string, results: ResultsFile): string {
  const where = `${results.machine}; Node ${results.node.slice(1)}`;
  const text = between(readFileSync(path, 'utf8'), 'goals', goalsTable(results));
  if (path === 'README.md') return text;
  return between(text, 'scenarios', `${where}\n\n${scenarioTables(results)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = readResults();
  for (const path of ['README.md', 'bench/README.md'])
    writeFileSync(path, withTables(path, results));
}
