// What a role or a user of the destination's account may do to the twin and to the ledger, for a source in another
// account or partition: just what functions and operators of the source need there.

import {
  isOtherAccount,
  operatorReadRoleName,
  operatorRoleName,
  operatorWriterRoleName,
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

/**
 * Without a profile for it, commands reach another partition by the secret, too. With "switching", operators have a role of
 * their own: what functions can assume must not write the control row.
 */
function operatorsWrite({ operatorRole, switching, destination }: ReplicationConfig): boolean {
  const { credentials, profile } = destination;
  if (credentials !== undefined && profile === undefined) return true;
  return operatorRole && switching === undefined;
}

/** Of a role for all commands. */
function operatorWriterNeeds(replication: ReplicationConfig, arns: Arns): Needs {
  const all = operatorStatements('operator', replication, arns);
  return { OperateDestination: all.filter(isAtDestination) };
}

/** Of the role for commands that change nothing. */
function readerNeeds(replication: ReplicationConfig, arns: Arns): Needs {
  const all = operatorStatements('operator-read', replication, arns);
  return { ReadDestination: all.filter(isAtDestination) };
}

export interface DestinationRole {
  readonly id: 'WriterRole' | 'OperatorWriterRole' | 'ReaderRole';
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
  const { name, source, operatorRole, switching } = replication;
  const functions = functionsOf(replication).map((code) => FUNCTION_NAMES[code](name));
  const isForOperators = operatorRole && switching === undefined;
  const writing = [...functions, ...(isForOperators ? [operatorRoleName(name)] : [])];
  const writer = {
    id: 'WriterRole',
    roleName: writerRoleName(name),
    purpose: 'what writes the twin',
    needs: writerNeeds(replication, arns),
    trusted: writing.map((one) => roleArn(source, one)),
  } as const;
  const operatorWriter = {
    id: 'OperatorWriterRole',
    roleName: operatorWriterRoleName(name),
    purpose: 'commands',
    needs: operatorWriterNeeds(replication, arns),
    trusted: [roleArn(source, operatorRoleName(name))],
  } as const;
  const reader = {
    id: 'ReaderRole',
    roleName: readerRoleName(name),
    purpose: 'commands that change nothing',
    needs: readerNeeds(replication, arns),
    trusted: [roleArn(source, operatorReadRoleName(name))],
  } as const;
  if (!operatorRole) return [writer];
  return switching === undefined ? [writer, reader] : [writer, operatorWriter, reader];
}
