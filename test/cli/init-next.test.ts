// What `ferry init` proposes next.

import { describe, expect, it } from 'vitest';
import { type CheckedPair, nextSteps } from '../../src/cli/init-result.ts';
import { entryOf } from '../../src/init/entry.ts';
import { tableFacts } from '../fixtures/table-facts.ts';

function pairTo(account: string): CheckedPair {
  const look = {
    source: tableFacts('us-east-1', '111122223333'),
    destination: tableFacts('eu-west-1', account),
    findings: [],
  };
  const options = { reach: { source: {}, destination: {} }, namesAccounts: false };
  return { look, findings: [], entry: entryOf('orders', look, options) };
}

describe('the next step', () => {
  it('deploys all stacks of one account with one command', () => {
    expect(nextSteps('/a/ferry.json', [pairTo('111122223333')], true)).toEqual([
      '  npx cdk deploy --all -c config=/a/ferry.json   (in the folder of Ferry)',
      '  ferry backfill --replication orders --config /a/ferry.json',
      '  ferry verify --replication orders --config /a/ferry.json',
    ]);
  });

  it('deploys each of two accounts with its own profile', () => {
    expect(nextSteps('/a/ferry.json', [pairTo('444455556666')], true)[0]).toBe(
      '  npx cdk deploy STACKS --exclusively --profile NAME -c config=/a/ferry.json   (in the folder of Ferry; for each account, destination first: see docs/accounts.md)',
    );
  });
});
