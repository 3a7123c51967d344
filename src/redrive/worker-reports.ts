// What the workers of a bulk redrive have reported, call by call -> one report. Of a call that has not ended, or
// never will, what it has done counts, and what it has left does not: another call meets that again.

import { isDoneKey, reportPrefix } from '../bulk/task.ts';
import type { ObjectStore } from '../ports.ts';
import { newReport, type RedriveReport } from './report.ts';

interface Reported {
  readonly report: RedriveReport;
  readonly isEnded: boolean;
}

/** Lists tell whole seconds: what is so young may have been replaced within one. */
const YOUNG_MS = 2_000;

export class RedriveReports {
  readonly #bucket: ObjectStore;
  readonly #run: string;
  /** By their objects; with each, when it was stored. */
  readonly #known = new Map<string, Reported & { readonly storedAtMs: number }>();

  constructor(run: string, bucket: ObjectStore) {
    this.#run = run;
    this.#bucket = bucket;
  }

  /** Reads what is new. */
  async sum(): Promise<RedriveReport> {
    for await (const objects of this.#bucket.list(reportPrefix(this.#run))) {
      const newestMs = Math.max(...objects.map(({ storedAtMs }) => storedAtMs));
      for (const { key, storedAtMs } of objects.filter((one) => !isDoneKey(one.key))) {
        const known = this.#known.get(key);
        const isOld = storedAtMs === known?.storedAtMs && newestMs - storedAtMs > YOUNG_MS;
        if (isOld) continue;
        const reported = parseReported(await this.#bucket.get(key));
        if (reported !== undefined) this.#known.set(key, { ...reported, storedAtMs });
      }
    }
    const sum = newReport();
    for (const reported of this.#known.values()) addReported(reported, sum);
    return sum;
  }
}

/** Undefined where there is none yet. */
function parseReported(text: string | undefined): Reported | undefined {
  const line = text?.split('\n')[0];
  if (line === undefined || line === '') return undefined;
  const { part, summary } = JSON.parse(line) as { part?: RedriveReport; summary?: RedriveReport };
  const report = summary ?? part;
  if (report === undefined) return undefined;
  // A worker of an earlier release does not report every count.
  return { report: { ...newReport(), ...report }, isEnded: summary !== undefined };
}

const DONE = ['applied', 'superseded', 'coalesced', 'skipped', 'resynchronized'] as const;
const LEFT = [
  'failing',
  'trimmed',
  'unreadable',
  'foreign',
  'left',
  'remaining',
  'remainingObjects',
] as const;

function addReported({ report, isEnded }: Reported, sum: RedriveReport): void {
  for (const name of DONE) sum[name] += report[name];
  const done = DONE.reduce((count, name) => count + report[name], 0);
  if (isEnded) addReport(report, sum);
  else {
    sum.found += done;
    sum.matched += done;
  }
}

/** Everything but what is done. */
function addReport(report: RedriveReport, sum: RedriveReport): void {
  for (const name of [...LEFT, 'found', 'matched'] as const) sum[name] += report[name];
  addCounts(report.reasons, sum.reasons);
  addCounts(report.foundReasons, sum.foundReasons);
  addCounts(report.failures, sum.failures);
  for (const [name, lower] of [
    ['oldestMs', true],
    ['newestMs', false],
  ] as const) {
    const [mine, other] = [sum[name], report[name]];
    if (other === undefined) continue;
    if (mine === undefined || (lower ? other < mine : other > mine)) sum[name] = other;
  }
}

function addCounts(counts: Readonly<Record<string, number>>, sum: Record<string, number>): void {
  for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
}

/** Two redrives as one. */
export function joinedReport(one: RedriveReport, other: RedriveReport): RedriveReport {
  const sum = newReport();
  for (const report of [one, other]) {
    addReported({ report, isEnded: true }, sum);
    sum.sampleKeys.push(...report.sampleKeys);
  }
  return sum;
}
