// What a verify compares: one item, a sample, or everything; and which file its report may replace.

import { chosenSegments, type SamplePlan, planSample } from '../verify/sample.ts';
import type { ReportScope } from '../verify/difference-report.ts';
import type { Item } from '../model/attribute-value.ts';
import type { TableFacts } from '../model/table-facts.ts';
import type { Random } from '../ports.ts';
import { wrongOption } from './arguments.ts';
import type { ParsedOptions } from './command.ts';
import { segmentCount } from '../verify/segment-count.ts';
import { workersOf } from './work-options.ts';

/** Segments of a scan. */
interface Segments {
  readonly segments: readonly number[];
  readonly totalSegments: number;
}

export type Scope =
  | { readonly kind: 'key'; readonly key: Item }
  | (Segments & { readonly kind: 'sample'; readonly percent: number })
  | (Segments & {
      readonly kind: 'everything';
      /** The sample that was asked for, and why it is not one. */
      readonly insteadOf?: {
        readonly percent: number;
        readonly why: Extract<SamplePlan, { kind: 'everything' }>['why'];
      };
    });

interface Wish {
  readonly options: ParsedOptions;
  readonly key: Item | undefined;
  /** 100 without a sample. */
  readonly percent: number;
  readonly facts: { readonly source: TableFacts; readonly destination: TableFacts };
}

/** Of a sample that is read here: a few requests for each. Of a bulk run, each is an invocation. */
const RANGES_WANTED = 10_000;

export function scopeOf({ options, key, percent, facts }: Wish, random: Random): Scope {
  if (key !== undefined) return { kind: 'key', key };
  // DynamoDB counts every few hours: a twin may be larger than its source was then.
  const sizeBytes = Math.max(facts.source.sizeBytes, facts.destination.sizeBytes);
  const wholeSegments = segmentCount(sizeBytes, workersOf(options));
  const everything = {
    kind: 'everything' as const,
    segments: chosenSegments(wholeSegments, wholeSegments, random),
    totalSegments: wholeSegments,
  };
  if (percent === 100) return everything;
  const ranges = options.has('bulk') ? {} : { rangesWanted: RANGES_WANTED };
  const plan = planSample({ percent, sizeBytes, wholeSegments, ...ranges });
  if (plan.kind === 'everything') return { ...everything, insteadOf: { percent, why: plan.why } };
  const { count, totalSegments } = plan;
  const segments = chosenSegments(totalSegments, count, random);
  return { kind: 'sample', percent, segments, totalSegments };
}

/** @throws UsageError where an item and a sample are asked for together, or an item of a bulk run. */
export function requireOneScope(options: ParsedOptions): void {
  if (options.text('key') === undefined) return;
  const other = options.has('bulk') ? 'bulk' : 'sample';
  if (!options.has('bulk') && options.text('sample') === undefined) return;
  throw wrongOption(
    `--key and --${other} contradict each other.`,
    '--key compares a single item. Use one of them.',
  );
}

/**
 * Where the report goes; undefined where none is written. Only a comparison of everything has the
 * replication's own report: what proves less must not replace it.
 */
export function reportPath(
  scope: ReportScope,
  { named, replication }: { readonly named: string | undefined; readonly replication: string },
): string | undefined {
  if (named !== undefined) return named;
  switch (scope) {
    case 'everything':
      return `ferry-${replication}-differences.jsonl`;
    case 'sample':
      return `ferry-${replication}.sample-differences.jsonl`;
    case 'key':
      return undefined;
  }
}
