// What a test of a projection has found, for people or for machines.

import { itemAsJson, itemJson } from '../model/attribute-value.ts';
import { type Counts, countsOf, isTooLarge, type Judged } from '../projection/sample-test.ts';
import { visible } from '../text/visible.ts';
import { itemSizeBytes } from '../model/capacity.ts';
import { type Call, exitCode, printResult, titleOf } from './call.ts';
import { grouped, wrapped } from './output.ts';
import { type Example, exampleLines, examplesOf } from './projection-samples.ts';
import { figures, type Row } from './rows.ts';

export interface ProjectionTest extends Call {
  readonly digest: string;
  readonly isWhole: boolean;
  readonly readUnits: number;
  readonly judged: readonly Judged[];
  /** Of the draw. */
  readonly seed: number;
  /** Of the source's stream; undefined where it is off. */
  readonly viewType: string | undefined;
}

/** Of each kind of problem. */
const LISTED_MAX = 20;
/** Of a pipe or a file. */
const WIDTH_DEFAULT = 160;

/** @returns the exit code. */
export function printProjectionTest(test: ProjectionTest): number {
  const { options, io, judged } = test;
  const keysOnly = options.has('keys-only');
  const width = io.resultColumns?.() ?? WIDTH_DEFAULT;
  const counts = countsOf(judged);
  const problems = problemsOf(test, keysOnly);
  const lacksOldImages = counts.leftOut > 0 && test.viewType !== 'NEW_AND_OLD_IMAGES';
  const examples = examplesOf(judged, options.integer('show') ?? 0);
  const isWell = problems.length === 0 && !lacksOldImages;
  printResult(
    test,
    {
      isWell,
      digest: test.digest,
      ...counts,
      largest: counts.largest && { ...counts.largest, key: itemAsJson(counts.largest.key) },
      isWholeTable: test.isWhole,
      readUnits: test.readUnits,
      seed: test.seed,
      streamViewType: test.viewType ?? null,
      lacksOldImages,
      problems: problems.map((one) => ({ ...one, key: itemAsJson(one.key) })),
      samples: examples.map((one) => sampleFacts(one, keysOnly)),
    },
    [
      ...wrapped(`${titleOf(test.replication)}: projection ${test.digest.slice(0, 12)}…`, width),
      '',
      ...exampleLines(examples, { keysOnly, width }),
      ...figures(rows(counts, test)),
      '',
      ...[...listed(problems), ...advice(counts, lacksOldImages), verdict(counts, isWell)].flatMap(
        (line) => wrapped(line, width),
      ),
    ],
  );
  return exitCode(isWell);
}

function rows(counts: Counts, test: ProjectionTest): Row[] {
  const { items, bytesBefore, bytesAfter, largest } = counts;
  const share = bytesBefore === 0 ? '' : ` (${Math.round((bytesAfter / bytesBefore) * 100)} %)`;
  return [
    [test.isWhole ? 'items, all of the table' : 'items, chosen at random', grouped(items)],
    ['kept', grouped(counts.kept)],
    ['left out', grouped(counts.leftOut)],
    ['failed', grouped(counts.failed)],
    ['unstable', grouped(counts.unstable)],
    ['larger than 400 KB', grouped(counts.tooLarge)],
    ['size before', `${grouped(bytesBefore)} bytes`],
    [`size after${share}`, `${grouped(bytesAfter)} bytes`],
    ['largest item after', `${grouped(largest?.bytes ?? 0)} bytes`],
    ['read capacity', `${grouped(Math.round(test.readUnits))} RCU`],
  ];
}

interface Problem {
  readonly kind: 'failed' | 'unstable' | 'too-large';
  readonly key: Judged['key'];
  readonly reason: string;
}

function problemsOf({ judged }: ProjectionTest, keysOnly: boolean): Problem[] {
  return judged.flatMap((one): Problem[] => {
    const { key, kind } = one;
    if (kind === 'failed')
      return [{ key, kind, reason: keysOnly ? one.name : `${one.name}: ${one.message}` }];
    if (kind === 'unstable') return [{ key, kind, reason: unstableReason(one.attributes) }];
    const bytes = kind === 'kept' ? itemSizeBytes(one.content) : 0;
    return isTooLarge(bytes) ? [{ key, kind: 'too-large', reason: `${grouped(bytes)} bytes` }] : [];
  });
}

function unstableReason(attributes: readonly string[]): string {
  return attributes.length === 0
    ? 'not every call returned an item'
    : `other values in ${attributes.join(', ')}`;
}

function listed(problems: readonly Problem[]): string[] {
  const more = problems.length - LISTED_MAX;
  return [
    ...problems
      .slice(0, LISTED_MAX)
      .map(({ kind, key, reason }) => visible(`${kind} ${itemJson(key)}: ${reason}`)),
    ...(more > 0 ? [`${grouped(more)} more.`] : []),
  ];
}

function advice({ failed, unstable, tooLarge }: Counts, lacksOldImages: boolean) {
  return [
    ...(failed === 0 ? [] : ['Changes of items that fail go to the dead-letter queue.']),
    ...(unstable === 0
      ? []
      : [
          'The same item must always give the same result: no state between calls, no time, no chance.',
        ]),
    ...(tooLarge === 0 ? [] : ['DynamoDB does not store items of more than 400 KB.']),
    ...(lacksOldImages
      ? [
          'Items are left out, but the stream of the source has no old images. The function then cannot tell whether an item was in the twin before, and holds the batch. Enable the stream again with NEW_AND_OLD_IMAGES.',
        ]
      : []),
  ];
}

function verdict({ items }: Counts, isWell: boolean): string {
  if (items === 0) return 'The source has no items, so nothing was tested.';
  if (!isWell) return 'Do not deploy the projection like this.';
  return 'Each item was projected three times, with the same result. Nothing was changed.';
}

function sampleFacts({ key, source, twin, changes }: Example, keysOnly: boolean): object {
  const facts = { key: itemAsJson(key), leftOut: twin === undefined };
  const withoutValues = changes.map(({ kind, path, to }) => ({ kind, path, to }));
  if (keysOnly) return { ...facts, changes: withoutValues };
  const after = twin === undefined ? null : itemAsJson(twin);
  return { ...facts, changes: withoutValues, before: itemAsJson(source), after };
}
