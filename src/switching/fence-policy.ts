// The resource policy of a table, with Ferry's statements or without them. All others keep their meaning and order.

import { UsageError } from '../errors.ts';
import { POLICY_BYTES_MAX } from '../config/names.ts';
import { JsonProblem, parseJson } from '../text/json-text.ts';

/** What a policy is to have of Ferry's. What is not mentioned stays as it is. */
export interface PolicyWish {
  readonly tableArn: string;
  /** Of the switch that asks. Another tag makes another policy, so that late requests of a predecessor are refused. */
  readonly tag: string;
  /** ARNs of the roles that may still write to the table, or `none`: every role may. */
  readonly fence?: readonly string[] | 'none';
  /** ARNs of the roles of the functions that no longer write to the table, or `none`. */
  readonly inbound?: readonly string[] | 'none';
}

/** Transactions need them, too. */
const FENCED_ACTIONS = [
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
  'dynamodb:DeleteItem',
  'dynamodb:BatchWriteItem',
  'dynamodb:PartiQLInsert',
  'dynamodb:PartiQLUpdate',
  'dynamodb:PartiQLDelete',
] as const;

/** Each has the tag of its switch behind its name. */
const OPERATORS = { FerryFence: 'ArnNotEquals', FerryInbound: 'ArnEquals' } as const;
type StatementName = keyof typeof OPERATORS;

/**
 * @param policy as it is; undefined where the table has none.
 * @returns the policy as it is to be; undefined where nothing is left in it. The same text where it is so already.
 * @throws UsageError `fence.policy` or `fence.size`.
 */
export function policyWith(policy: string | undefined, wish: PolicyWish): string | undefined {
  const { Statement: before, ...others } = documentOf(policy, wish.tableArn);
  const fenced = replaced(before, 'FerryFence', wish.fence, wish);
  const after = replaced(fenced, 'FerryInbound', wish.inbound, wish);
  if (JSON.stringify(before) === JSON.stringify(after)) return policy;
  if (after.length === 0) return undefined;
  // Without spaces, which count for its size.
  const text = JSON.stringify({ ...others, Statement: after });
  requireSize(text, policy, wish);
  return text;
}

/** However DynamoDB writes it. */
export function isSamePolicy(one: string | undefined, other: string | undefined): boolean {
  const [left, right] = [one, other].map((text) => text && JSON.stringify(JSON.parse(text)));
  return left === right;
}

/** Which of Ferry's statements a policy has. */
export function statementsOf(
  policy: string | undefined,
  tableArn: string,
): readonly StatementName[] {
  const { Statement } = documentOf(policy, tableArn);
  return Statement.flatMap((statement) => nameOf(statement, tableArn) ?? []);
}

type Statement = Readonly<Record<string, unknown>>;

/** In the place of the one that is there, or behind all others. */
function replaced(
  statements: readonly Statement[],
  name: StatementName,
  roles: readonly string[] | 'none' | undefined,
  { tableArn, tag }: PolicyWish,
): readonly Statement[] {
  if (roles === undefined) return statements;
  const isOwn = (statement: Statement) => nameOf(statement, tableArn) === name;
  const at = statements.findIndex(isOwn);
  const others = statements.filter((statement) => !isOwn(statement));
  const wanted = roles === 'none' ? [] : [statementFor(name, roles, { tableArn, tag })];
  return others.toSpliced(at < 0 ? others.length : at, 0, ...wanted);
}

function statementFor(
  name: StatementName,
  roles: readonly string[],
  { tableArn, tag }: Pick<PolicyWish, 'tableArn' | 'tag'>,
): Statement {
  return {
    Sid: `${name}${tag.replaceAll(/[^A-Za-z0-9]/g, '')}`,
    Effect: 'Deny',
    // The roles are in the condition: DynamoDB refuses a policy whose principals do not exist.
    Principal: '*',
    Action: FENCED_ACTIONS,
    Resource: tableArn,
    Condition: { [OPERATORS[name]]: { 'aws:PrincipalArn': roles } },
  };
}

interface PolicyDocument {
  readonly Statement: readonly Statement[];
}

/** A single statement may stand without its list. */
function documentOf(policy: string | undefined, tableArn: string): PolicyDocument {
  if (policy === undefined) return { ...EMPTY, Statement: [] };
  const document = parsed(policy, tableArn) as Partial<PolicyDocument> | null;
  const statements: unknown[] = [document?.Statement].flat();
  if (!statements.every((one) => typeof one === 'object' && one !== null))
    throw unusable(tableArn, 'it has no statements');
  return { ...document, Statement: statements as Statement[] };
}

const EMPTY = { Version: '2012-10-17' };

/** What JavaScript would read as another number is refused, too. */
function parsed(policy: string, tableArn: string): unknown {
  try {
    return parseJson(policy);
  } catch (cause) {
    if (!(cause instanceof JsonProblem)) throw cause;
    throw unusable(tableArn, `it cannot be read as JSON: ${cause.message}`, cause);
  }
}

/** @throws UsageError for a statement under a name of Ferry's that Ferry has not written. */
function nameOf(
  { Sid, Effect, Condition }: Statement,
  tableArn: string,
): StatementName | undefined {
  const [, name] = /^(FerryFence|FerryInbound)[A-Za-z0-9]*$/.exec(String(Sid)) ?? [];
  if (name !== 'FerryFence' && name !== 'FerryInbound') return undefined;
  const operators = Object.entries((Condition ?? {}) as Readonly<Record<string, object>>);
  const isOwn =
    Effect === 'Deny' &&
    operators.length === 1 &&
    operators.every(
      ([operator, keys]) =>
        operator === OPERATORS[name] && Object.keys(keys).join() === 'aws:PrincipalArn',
    );
  if (isOwn) return name;
  throw unusable(tableArn, `the statement ${String(Sid)} in it is not one of Ferry's`);
}

function requireSize(text: string, policy: string | undefined, { tableArn }: PolicyWish): void {
  const [bytes, before] = [Buffer.byteLength(text), Buffer.byteLength(policy ?? '')];
  if (bytes <= POLICY_BYTES_MAX) return;
  throw new UsageError(
    `The resource policy of ${tableArn} would have ${bytes} bytes, and DynamoDB allows ${POLICY_BYTES_MAX}: it has ${before} bytes now.`,
    {
      code: 'fence.size',
      hint: 'Remove or shorten statements of the policy, or run the command with --fenced-by-application.',
    },
  );
}

function unusable(tableArn: string, why: string, cause?: unknown): UsageError {
  return new UsageError(`The resource policy of ${tableArn} cannot be extended: ${why}.`, {
    code: 'fence.policy',
    hint: 'Correct the policy, or run the command with --fenced-by-application.',
    cause,
  });
}
