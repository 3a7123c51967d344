// What a role or a user of the destination's account may do to the twin and to the ledger, for a source in another
// account or partition: just what functions and operators of the source need there.

import {
  isOtherAccount,
  operatorReadRoleName,
  operatorRoleName,
  readerRoleName,
  roleArn,
  writerRoleName,
} from '../config/accounts.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { Arns } from './arns.ts';
import { FUNCTION_NAMES, functionsOf, ownNeeds } from './function-needs.ts';
import { operatorStatements } from './operator-access.ts';
import { isAtDestination, merged, type Needs } from './statement.ts';

/** Of the writer role, or of the user whose keys the secret holds. */
export function writerNeeds(replication: ReplicationConfig, arns: Arns): Needs {
  const functions = functionsOf(replication).flatMap((code) =>
    Object.values(ownNeeds(code, replication, arns)).flat(),
  );
  const operators = operatorsWrite(replication)
    ? operatorStatements('operator', replication, arns)
    : [];
  return { WriteDestination: merged([...functions, ...operators].filter(isAtDestination)) };
}

/** Without a profile for it, commands reach another partition by the secret, too. */
function operatorsWrite(replication: ReplicationConfig): boolean {
  const { credentials, profile } = replication.destination;
  return replication.operatorRole || (credentials !== undefined && profile === undefined);
}

/** Of the role for commands that change nothing. */
function readerNeeds(replication: ReplicationConfig, arns: Arns): Needs {
  const all = operatorStatements('operator-read', replication, arns);
  return { ReadDestination: all.filter(isAtDestination) };
}

export interface DestinationRole {
  readonly id: 'WriterRole' | 'ReaderRole';
  readonly roleName: string;
  /** What assumes it. */
  readonly purpose: string;
  readonly needs: Needs;
  /** ARNs of the roles that may assume it, all of the source's account. */
  readonly trusted: readonly string[];
}

/** For a source in another account of the same partition. */
export function destinationRoles(replication: ReplicationConfig, arns: Arns): DestinationRole[] {
  if (!isOtherAccount(replication)) return [];
  const { name, source, operatorRole } = replication;
  const functions = functionsOf(replication).map((code) => FUNCTION_NAMES[code](name));
  const writing = [...functions, ...(operatorRole ? [operatorRoleName(name)] : [])];
  const writer = {
    id: 'WriterRole',
    roleName: writerRoleName(name),
    purpose: 'what writes the twin',
    needs: writerNeeds(replication, arns),
    trusted: writing.map((one) => roleArn(source, one)),
  } as const;
  const reader = {
    id: 'ReaderRole',
    roleName: readerRoleName(name),
    purpose: 'commands that change nothing',
    needs: readerNeeds(replication, arns),
    trusted: [roleArn(source, operatorReadRoleName(name))],
  } as const;
  return operatorRole ? [writer, reader] : [writer];
}
