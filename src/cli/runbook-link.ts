// The runbook of the configuration and the anchor of an entry -> where this operator finds the entry.

import { existsSync } from 'node:fs';
import { packageFile } from '../package-files.ts';

/** The default of the configuration, which names the file in Ferry's folder. */
const DEFAULT = 'docs/runbook.md';
const FILE = packageFile(DEFAULT);

/** A command can run in any folder, so the path of Ferry's own runbook is an absolute one. */
export function runbookLink(runbook: string, anchor: string): string {
  const place = runbook === DEFAULT && existsSync(FILE) ? FILE : runbook;
  return `${place}#${anchor}`;
}
