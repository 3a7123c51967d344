// The documents that are made of the code, in whole or between two markers: `npm run docs` writes them, and a test
// compares.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCHEMA } from '../../src/config/schema.ts';
import { withAlarmLines } from './alarm-lines.ts';
import {
  functionPolicies,
  hashPolicy,
  kinesisPolicy,
  operatorPolicies,
  runPolicies,
  switchPolicies,
  twoWayPolicies,
} from './permissions-document.ts';
import { sampleResources } from './sample-templates.ts';
import { settingsTables } from './settings-document.ts';

const DOCUMENTS: Readonly<Record<string, (current: string) => string>> = {
  'docs/runbook.md': (current) => withAlarmLines(current, sampleResources()),
  'docs/permissions.md': (current) => {
    const withFunctions = between(current, 'functions', functionPolicies());
    const withOperators = between(withFunctions, 'operators', operatorPolicies());
    const withSwitches = between(withOperators, 'switches', switchPolicies());
    const withHashes = between(withSwitches, 'hashes', hashPolicy());
    const withKinesis = between(withHashes, 'kinesis', kinesisPolicy());
    const withBoth = between(withKinesis, 'both directions', twoWayPolicies());
    return between(withBoth, 'run', runPolicies());
  },
  'docs/settings.md': (current) => between(current, 'settings', settingsTables()),
  'ferry.schema.json': () => `${JSON.stringify(SCHEMA, null, 2)}\n`,
};

/** Each by its path in `folder`, as it is and as it should be. */
export function documents(folder: string): Array<{ path: string; is: string; should: string }> {
  return Object.entries(DOCUMENTS).map(([name, make]) => {
    const path = join(folder, name);
    const is = readFileSync(path, 'utf8');
    return { path, is, should: make(is) };
  });
}

/** @throws Error where the document lacks the markers. */
function between(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [head, rest] = text.split(begin);
  const tail = rest?.split(end)[1];
  if (head === undefined || tail === undefined) throw new Error(`There is no ${begin} … ${end}.`);
  return `${head}${begin}\n\n${content.trimEnd()}\n\n${end}${tail}`;
}
