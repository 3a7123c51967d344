// What cannot be stamped is refused before it is sent: statements that write, and the parameters from before expressions.

import type { CommandResult } from './client-stack.ts';
import { StampError } from './stamp-error.ts';
import type { Passage } from './write-above.ts';

const READS = /^\s*(?:select|exists)\b/i;

/**
 * Of any table: a statement may name its table in many ways.
 * @throws StampError where a PartiQL statement writes.
 */
export async function readOnly(
  field: 'Statement' | 'Statements' | 'TransactStatements',
  { args, next }: Passage,
): Promise<CommandResult> {
  const statements = [(args.input as Readonly<Record<string, unknown>>)[field]].flat();
  if (statements.every((statement) => READS.test(textOf(statement)))) return next(args);
  throw new StampError('A PartiQL statement that writes cannot be stamped', {
    code: 'stamp.partiql',
    hint: 'Use PutItem, UpdateItem, DeleteItem or a transaction of these. For other tables, use a client without the plug-in.',
  });
}

function textOf(statement: unknown): string {
  if (typeof statement === 'string') return statement;
  return (statement as { readonly Statement?: string } | undefined)?.Statement ?? '';
}

const LEGACY = ['Expected', 'AttributeUpdates', 'ConditionalOperator'];

/** @throws StampError where a put or an update has parameters that cannot stand beside an expression. */
export function refuseLegacy(commandName: string, input: object): void {
  const values = input as Readonly<Record<string, unknown>>;
  const found = LEGACY.filter((name) => values[name] !== undefined);
  if (found.length === 0) return;
  throw new StampError(`${commandName} has ${found.join(' and ')}, which cannot be stamped`, {
    code: 'stamp.legacy-parameters',
    hint: 'Use ConditionExpression and UpdateExpression instead.',
  });
}
