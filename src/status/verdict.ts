// The state of a replication and its cause: the verdict of the first rule that applies, the worst first.

import { duration } from '../text/duration.ts';
import { counted } from '../text/number-text.ts';
import { latest, type Vitals } from '../model/vitals.ts';
import {
  ANSWERED,
  type Case,
  caseOf,
  type Rule,
  total,
  type Verdict,
  type VerdictRules,
} from './verdict-case.ts';
import { projectionNotices } from './projection-findings.ts';
import { differing, unproved } from './reconciliation.ts';
import { READING } from './stuck-reading.ts';
import { WRITING } from './stuck-writing.ts';

export type { Verdict, VerdictRules } from './verdict-case.ts';

/** "behind by 3 min", "healthy: p99 latency is 850 ms" */
export function verdictText({ level, text }: Verdict): string {
  if (level === 'lost') return `LOST ${text}`;
  if (level === 'switching') return `SWITCHING: ${text}`;
  return /^(by|since) /.test(text) ? `${level} ${text}` : `${level}: ${text}`;
}

const RULES: readonly Rule[] = [
  ...READING,
  ...WRITING,
  strayWrites,
  outdated,
  differing,
  controlUnknown,
  unproved,
];

export function verdictOf(vitals: Vitals, rules: VerdictRules): Verdict {
  const one = caseOf(vitals, rules);
  for (const rule of RULES) {
    const verdict = rule(one);
    if (verdict !== undefined) return verdict;
  }
  return healthy(one);
}

/** What an application writes elsewhere stays there, and the tables differ. */
function strayWrites({ vitals: { own }, rules: { twoWay } }: Case): Verdict | undefined {
  const strays = total(own, ['StrayWrites']);
  if (twoWay === undefined || strays === 0) return undefined;
  const what = `${counted(strays, 'write')} to the source in the last hour`;
  const text =
    twoWay.mode === 'home'
      ? `${what} not made at the home of the item, and not replicated: correct the application. \`ferry verify\` lists the items`
      : `${what} not stamped, and not replicated: use the plug-in in every application. \`ferry verify\` lists the items`;
  return { level: 'different', text, runbook: 'stray-writes' };
}

function outdated({ vitals }: Case): Verdict | undefined {
  const text = outdatedText(vitals);
  if (text === undefined) return undefined;
  const [first = '', ...rest] = text.replace(/\.$/, '');
  const sentence = first.toLowerCase() + rest.join('');
  return { level: 'outdated', text: sentence, runbook: 'projection-changed' };
}

/** What is wrong about the projection, and what to do; undefined where nothing is. */
export function outdatedText({ projection }: Vitals): string | undefined {
  return projection && projectionNotices(projection)[0]?.text;
}

/** Only the control row says whether the replication is paused, or has another stream. */
function controlUnknown({ vitals }: Case): Verdict | undefined {
  const { paused, controlProblem, latency, own } = vitals;
  if (paused !== 'unknown') return undefined;
  const why = controlProblem === undefined ? '' : ` (${controlProblem})`;
  const otherwise = wellBeing(latest(latency.p99)?.[1], own);
  return {
    level: 'unknown',
    text: `the control row of the destination cannot be read from here${why}. The metrics are healthy: ${otherwise}`,
  };
}

function healthy({ vitals: { latency, own } }: Case): Verdict {
  return { level: 'healthy', text: wellBeing(latest(latency.p99)?.[1], own) };
}

function wellBeing(p99: number | undefined, own: Vitals['own']): string {
  const isApplied = total(own, ['AppliedRecords']) > 0;
  if (isApplied && p99 !== undefined) return `p99 latency is ${duration(p99)}`;
  if (isApplied) return 'records are applied, but CloudWatch has no latency of the last hour';
  const ends = ANSWERED.filter(([name]) => total(own, [name]) > 0).map(([, end]) => end);
  if (ends.length > 0) return `the records of the last hour were ${ends.join(' or ')}`;
  return 'the source has had no changes in the last hour';
}
