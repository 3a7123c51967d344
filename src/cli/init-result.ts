// What `ferry init` prints: findings, what was left out, and the commands that come next.

import { resolve } from 'node:path';
import type { PairLook } from '../composition/pair-look.ts';
import { type Entry, isApart } from '../init/entry.ts';
import { firstStep } from '../init/first-step.ts';
import type { Selection } from '../init/select-tables.ts';
import { type Finding, nameOf } from '../status/finding.ts';
import { counted } from './output.ts';
import { columns, indented } from './rows.ts';

/** A pair that was checked. */
export interface CheckedPair {
  readonly look: PairLook;
  /** Those of the pair, and of its entry in the file. */
  readonly findings: readonly Finding[];
  readonly entry: Entry;
}

export interface Choice extends Selection {
  /** Tables that the file replicates already. */
  readonly present: readonly string[];
}

export interface FleetOutcome extends Choice {
  readonly path: string;
  /** Whether the file was made. */
  readonly isNew: boolean;
  /** Of the destination. */
  readonly region: string;
  readonly checked: readonly CheckedPair[];
}

export function isFit({ findings }: Pick<CheckedPair, 'findings'>): boolean {
  return !findings.some(({ severity }) => severity === 'error');
}

/** As wide as a severity. */
const MARGIN = ' '.repeat(9);

/** Each finding, and what to do about it. */
export function findingLines(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ severity, says, advice }) => [
    `${severity.padEnd(8)} ${says}`,
    `${MARGIN}${advice}`,
  ]);
}

/** @param isAll whether these are all replications of the file. */
export function nextSteps(path: string, pairs: readonly CheckedPair[], isAll: boolean): string[] {
  const stepOf = (step: string) => pairs.filter(({ look }) => firstStep(look) === step);
  const [toCopy, toCompare] = [stepOf('backfill'), stepOf('verify')];
  const command = (name: string, some: readonly CheckedPair[]) =>
    `  ferry ${name} ${chosen(some, isAll && some.length === pairs.length)}${at(path)}`;
  return [
    deployStep(resolve(path), pairs),
    ...(toCopy.length === 0 ? [] : [command('backfill', toCopy)]),
    command('verify', pairs),
    ...comparedFirst(toCompare),
  ];
}

function deployStep(path: string, pairs: readonly CheckedPair[]): string {
  return pairs.some(({ look }) => isApart(look))
    ? `  npx cdk deploy STACKS --exclusively --profile NAME -c config=${path}   (in the folder of Ferry; for each account, destination first: see docs/accounts.md)`
    : `  npx cdk deploy --all -c config=${path}   (in the folder of Ferry)`;
}

function comparedFirst(pairs: readonly CheckedPair[]): string[] {
  if (pairs.length === 0) return [];
  const twins = pairs.map(({ look }) => nameOf(look.destination));
  const have =
    pairs.length === 1
      ? 'has about as many items as its source'
      : 'have about as many items as their sources';
  return [`${someOf(twins)} ${have}: compare before you copy.`];
}

function chosen(pairs: readonly CheckedPair[], isAll: boolean): string {
  if (isAll && pairs.length > 1) return '--all';
  return `--replication ${pairs.map(({ entry }) => entry.name).join()}`;
}

function at(path: string): string {
  return path === 'ferry.json' ? '' : ` --config ${path}`;
}

export function fleetFacts(outcome: FleetOutcome): object {
  const { path, checked, withoutTwin, own, present } = outcome;
  const tables = checked.map(({ look, findings, entry }) => ({
    table: look.source.table,
    replication: isFit({ findings }) ? entry.name : null,
    firstStep: firstStep(look),
    findings,
  }));
  return { written: checked.some(isFit) ? path : null, tables, withoutTwin, own, present };
}

interface Shown {
  /** With every finding below its pair. */
  readonly isVerbose: boolean;
  /** Of the terminal. @default lines of any length */
  readonly width?: number | undefined;
}

/** One line for each pair, those with errors first. */
export function fleetLines(outcome: FleetOutcome, shown: Shown): string[] {
  const { checked, own, withoutTwin, present, path, region } = outcome;
  return [
    ...pairLines(checked, shown),
    ...(own.length === 0 ? [] : [`Left out, because they are Ferry's own: ${someOf(own)}.`]),
    ...(present.length === 0 ? [] : [`Already in ${path}: ${someOf(present)}.`]),
    ...(withoutTwin.length === 0 ? [] : twinless(withoutTwin, region)),
    ...summary(outcome, shown),
  ];
}

/** A finding that does not fit beside its pair is below it. */
function pairLines(pairs: readonly CheckedPair[], { isVerbose, width = Infinity }: Shown) {
  const sorted = RANKS.flatMap((rank) => pairs.filter((one) => rankOf(one) === rank));
  const rows = sorted.map(rowOf);
  const lines = columns(rows);
  return sorted.flatMap(({ findings }, index) => {
    const [line = '', [rank = '', table, name, says = ''] = []] = [lines[index], rows[index]];
    if (!isVerbose && line.length <= width) return [line];
    const pair = `${rank.padEnd(8)} ${table}  ${name}`;
    return [pair, ...(isVerbose ? findingLines(findings) : indented(says, MARGIN, width))];
  });
}

const RANKS = ['error', 'warning', 'fits'] as const;

function rankOf({ findings }: CheckedPair): (typeof RANKS)[number] {
  const [worst] = findings;
  return worst === undefined || worst.severity === 'note' ? 'fits' : worst.severity;
}

function rowOf(one: CheckedPair): string[] {
  const { look, findings, entry } = one;
  const serious = findings.filter(({ severity }) => severity !== 'note');
  const more = serious.length > 1 ? ` (and ${serious.length - 1} more)` : '';
  const says = `${serious[0]?.says ?? ''}${more}`;
  return [rankOf(one), look.source.table, isFit(one) ? entry.name : '-', says];
}

function twinless(tables: readonly string[], region: string): string[] {
  return [
    `Without a table of the same name in ${region}: ${tables.join(', ')}.`,
    'For such a table, `ferry init SOURCE DESTINATION --create-destination` prints CDK code of a twin. Or describe it in the file, with "create": true and its keys.',
  ];
}

function summary(
  { path, checked, isNew, withoutTwin }: FleetOutcome,
  { isVerbose }: Shown,
): string[] {
  const written = checked.filter(isFit);
  const left = checked.length - written.length + withoutTwin.length;
  const verbose =
    isVerbose || checked.every((one) => rankOf(one) === 'fits')
      ? []
      : ['With --verbose, every finding is listed, and what to do about it.'];
  if (written.length === 0) return [...verbose, 'Nothing was written.'];
  const others = left === 0 ? '' : ` ${counted(left, 'table')} left out.`;
  return [
    ...verbose,
    `${path} describes ${counted(written.length, isNew ? 'replication' : 'more replication')}.${others} Next:`,
    ...nextSteps(path, written, isNew),
  ];
}

const LISTED_MAX = 8;

export function someOf(names: readonly string[]): string {
  const more = names.length - LISTED_MAX;
  const listed = names.slice(0, LISTED_MAX).join(', ');
  return more > 0 ? `${listed} and ${more} more` : listed;
}
