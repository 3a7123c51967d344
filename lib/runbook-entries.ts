// docs/runbook.md -> its entries, with the names of one replication, for operators who have only the AWS console.

import { readFileSync } from 'node:fs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { packageFile } from '../src/package-files.ts';

interface RunbookEntry {
  /** The heading in lower case, with dashes, as Markdown renderers make it. */
  readonly anchor: string;
  readonly title: string;
  /** The heading and everything below it, as Markdown. */
  readonly text: string;
}

const RUNBOOK = packageFile('docs/runbook.md');

let entries: readonly RunbookEntry[] | undefined;

/** As they stand in the runbook. */
function allEntries(): readonly RunbookEntry[] {
  return (entries ??= entriesOf(readFileSync(RUNBOOK, 'utf8')));
}

/** @throws Error where the runbook has no such entry. */
export function entryTitle(anchor: string): string {
  const entry = allEntries().find((one) => one.anchor === anchor);
  if (entry === undefined) throw new Error(`docs/runbook.md has no entry #${anchor}.`);
  return entry.title;
}

/** The text of the entries with the given anchors, in the order of the runbook. */
export function entriesFor(replication: ReplicationConfig, anchors: ReadonlySet<string>): string[] {
  return allEntries()
    .filter(({ anchor }) => anchors.has(anchor))
    .map(({ text }) => withNamesOf(replication, text));
}

function entriesOf(runbook: string): RunbookEntry[] {
  return runbook
    .split(/^(?=## )/m)
    .slice(1)
    .map((text) => {
      const title = /^## (.+)$/m.exec(text)?.[1] ?? '';
      return { anchor: title.toLowerCase().replaceAll(' ', '-'), title, text: text.trim() };
    });
}

/** The runbook's examples are about `orders`, from us-east-1 to eu-west-1. */
function withNamesOf({ name, source, destination }: ReplicationConfig, text: string): string {
  const names: Readonly<Record<string, string>> = {
    orders: name,
    'us-east-1': source.region,
    'eu-west-1': destination.region,
    Orders: destination.table,
  };
  return text
    .replaceAll(/<!--.*?-->\n?/g, '')
    .replaceAll(
      /(?<=ferry-)orders\b|(?<=--replication )orders\b|\bus-east-1\b|\beu-west-1\b|(?<=--table-name )Orders\b/g,
      (example) => names[example] ?? example,
    );
}
