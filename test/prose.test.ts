// What people read is plain technical English: documents, and the texts of commands, alarms and settings, have none of
// these turns. Neither have comments, in the folders that are listed.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Each with what to write instead. */
const AVOIDED: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bof which\b/, 'a second sentence'],
  [/\bsuch as (?:it )?(?:is|are)\b/, 'the noun'],
  [/\bwho(?:so)?ever\b/, 'the person: the operator, the deployer'],
  [/\b(?:nobody|somebody|anybody|everybody)\b/, 'the person or the program'],
  [/\b(?:is|are|was|were|be|been) told\b/, 'receives, reads, knows'],
  [/\btells? (?:its|their|the) figures\b/, 'publishes metrics'],
  [/\b(?<!there )(?:is|are) no (?:number|text|dead letter|item)s?\b/, '"is not a …"'],
  [/\bof (?:no |little |any |more )?use\b/, 'useful, can use'],
  [/\bfor want of\b/, 'without'],
  [/\balarms? rings?\b|\brings? (?:for|while|when)\b/, 'an alarm fires'],
  [/\breaders? (?:on|of) the stream\b/, 'the event source mapping'],
];

/** Names that say nothing to a reader from the field. */
const NAMES =
  /\b(?:insist\w*|Patience|patience|[oO]utlook|Chancy|Parcels?|parcels?|untold|Sight)\b/;

const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'ferry.schema.json',
  'bench/README.md',
  ...filesIn('docs'),
  ...filesIn('.github'),
];
/** Their strings reach operators. */
const SPEAKING = ['bin', 'lib', 'src'];
/** Comments and names, too. */
const CLEAN = ['bench', 'bin', 'examples', 'lib', 'src'];

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:md|ya?ml|m?ts|cjs|html)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

/** "path:line: “words”: what to write instead", also where a sentence goes on in the next line. */
function findings(path: string, text: string): string[] {
  const flat = text.replaceAll(/\n *(?:\*|\/\/|>)? /g, (gap) => ' '.repeat(gap.length));
  return AVOIDED.flatMap(([{ source }, instead]) =>
    [...flat.matchAll(new RegExp(source.replaceAll(' ', '\\s+'), 'gi'))].map(
      ({ 0: words, index }) => `${path}:${lineAt(text, index)}: “${words}”: ${instead}`,
    ),
  );
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

function names(path: string, text: string): string[] {
  return [...text.matchAll(new RegExp(NAMES, 'g'))].map(
    ({ 0: name, index }) => `${path}:${lineAt(text, index)}: “${name}”`,
  );
}

/** With as many lines as before. */
function withoutComments(source: string): string {
  return source
    .replaceAll(/\/\*[^]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, ''))
    .replaceAll(/(?<=^|\s)\/\/.*$/gm, '');
}

const readAll = (paths: readonly string[]) =>
  paths.map((path) => [path, readFileSync(path, 'utf8')] as const);

describe('the language of', () => {
  it.each(readAll(DOCUMENTS))('%s', (path, text) => {
    expect(findings(path, text)).toEqual([]);
  });

  it.each(SPEAKING)('the texts in %s', (folder) => {
    const files = readAll(filesIn(folder));

    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap(([path, text]) => findings(path, withoutComments(text)))).toEqual([]);
  });

  it.each(CLEAN)('the comments and names in %s', (folder) => {
    const found = readAll(filesIn(folder)).flatMap(([path, text]) => [
      ...findings(path, text),
      ...names(path, text),
    ]);

    expect(found).toEqual([]);
  });
});

describe('the list', () => {
  it.each([
    'By how much clocks may differ, of which more below.',
    'Whoever deploys needs this.',
    'An alarm that reaches nobody.',
    'Latency is told as percentiles.',
    'A shard tells its figures that seldom.',
    'a sum of none is no number',
    'As many writes as are of use.',
    'without it, no alarm rings',
    'the parts of\nwhich one is empty',
    '// what this is for, of\n// which more below',
  ])('finds %j', (sentence) => {
    expect(findings('x', sentence)).toHaveLength(1);
  });

  it.each([
    'If there is no item, a transaction checks the tombstone.',
    'Strings are quoted, and the reader reads a stream.',
    'The use of a key, which is out of date.',
  ])('leaves %j alone', (sentence) => {
    expect(findings('x', sentence)).toEqual([]);
  });

  it('finds names', () => {
    expect(names('x', 'const outlook = insistOn(parcel);')).toHaveLength(3);
    expect(names('x', 'const insight = parcelled;')).toEqual([]);
  });
});
