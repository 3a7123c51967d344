// How roles of the source reach the destination: by their own rights, by a role of the other account, or by the keys
// of a secret.

import { isOtherAccount } from '../config/accounts.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { allowing, type Arns } from './arns.ts';
import { usingKeys } from './key-use.ts';
import { isAtDestination, type Needs, type Statement } from './statement.ts';

/** A role of the other account. */
type Reacher = 'writer' | 'operatorWriter' | 'reader';

/** The needs of a role of the source: those at the destination only where its own rights reach that far. */
export function throughAccess(
  needs: Needs,
  replication: ReplicationConfig,
  arns: Arns,
  by: Reacher = 'writer',
): Needs {
  const reach = reachOf(replication, arns, by);
  if (reach === undefined) return needs;
  const here = Object.entries(needs).flatMap(([name, all]) => {
    const kept = all.filter((statement) => !isAtDestination(statement));
    return kept.length === 0 ? [] : [[name, kept] as const];
  });
  return { ...Object.fromEntries(here), ReachDestination: reach };
}

/** @returns undefined where the role itself has the rights. */
function reachOf(replication: ReplicationConfig, arns: Arns, by: Reacher): Statement[] | undefined {
  const allow = allowing(arns);
  if (isOtherAccount(replication)) return [allow(by, ['sts:AssumeRole'])];
  if (replication.destination.credentials === undefined) return undefined;
  const { ofSecret } = usingKeys(replication, arns);
  return [allow('secret', ['secretsmanager:GetSecretValue']), ...ofSecret];
}
