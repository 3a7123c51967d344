// One statement of an IAM policy, before it has IAM's form: lib makes policies of these, `ferry permissions` prints
// them, and tests compare them with the calls that are made.

/** Of one replication, in the terms of docs/permissions.md. */
export type Place =
  | 'source'
  | 'twin'
  | 'state'
  /** Where there is another direction, the ledger beside the source. */
  | 'sourceState'
  | 'stream'
  /** In place of it, where the source sends its changes to a Kinesis stream. */
  | 'kinesis'
  /** There, the source. */
  | 'streaming'
  | 'replicate'
  /** The same, where the replication has a projection. */
  | 'projecting'
  | 'heartbeat'
  | 'bulkFunction'
  | 'stateMachine'
  | 'executions'
  | 'segments'
  /** The same of comparisons on a schedule. */
  | 'reconcileMachine'
  | 'reconcileRuns'
  | 'reconcileSegments'
  | 'mappings'
  | 'deadLetters'
  | 'lookAgain'
  | 'bucket'
  | 'objects'
  | 'reports'
  | 'batches'
  | 'logs'
  /** The log group of the history, with its stream. */
  | 'history'
  | 'writer'
  | 'operatorWriter'
  | 'reader'
  /** With "switching", a role beside the source. */
  | 'probe'
  /** In a third Region, where applications count their writes. */
  | 'tally'
  | 'switcher'
  | 'operator'
  | 'secret'
  | 'hashSecret'
  | 'sourceKey'
  | 'destinationKey'
  | 'anything'
  /** In the account of the destination. */
  | 'anythingThere';

export type Conditions = Readonly<
  Record<string, Readonly<Record<string, string | readonly string[]>>>
>;

export interface Statement {
  readonly place: Place;
  readonly resource: string;
  readonly actions: readonly string[];
  readonly conditions: Conditions;
  /** Of the other direction, whose source is at the destination. @default as the place says */
  readonly isAtDestination?: boolean;
}

/** By the name of what each is for. */
export type Needs = Readonly<Record<string, readonly Statement[]>>;

/** Whether it is about something in the account of the destination. */
export function isAtDestination({ place, isAtDestination: known }: Statement): boolean {
  return known ?? ['twin', 'state', 'destinationKey', 'anythingThere'].includes(place);
}

/** One for each resource and condition, with all that is done there. */
export function merged(statements: readonly Statement[]): Statement[] {
  const byResource = new Map<string, Statement>();
  for (const statement of statements) {
    const { resource, conditions } = statement;
    const key = JSON.stringify([resource, conditions, isAtDestination(statement)]);
    const actions = [...(byResource.get(key)?.actions ?? []), ...statement.actions];
    byResource.set(key, { ...statement, actions: [...new Set(actions)].toSorted() });
  }
  const all = [...byResource.values()];
  return all.flatMap((statement) => withoutAllowed(statement, all));
}

/** What is allowed without a condition needs none elsewhere. */
function withoutAllowed(statement: Statement, all: readonly Statement[]): Statement[] {
  const free = all.filter(
    (other) =>
      other !== statement &&
      !isConditional(other) &&
      other.resource === statement.resource &&
      isAtDestination(other) === isAtDestination(statement),
  );
  const allowed = new Set(free.flatMap(({ actions }) => actions));
  const actions = statement.actions.filter((action) => !allowed.has(action));
  return actions.length === 0 ? [] : [{ ...statement, actions }];
}

function isConditional({ conditions }: Statement): boolean {
  return Object.keys(conditions).length > 0;
}

export interface IamPolicy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly object[];
}

/** As IAM takes it, with a Sid for each need. */
export function policyOf(needs: Needs): IamPolicy {
  const statements = Object.entries(needs).flatMap(([name, all]) =>
    iamStatements(all).map((one, index) => ({
      Sid: `${name}${index === 0 ? '' : index + 1}`,
      ...one,
    })),
  );
  return { Version: '2012-10-17', Statement: statements };
}

/** The same without Sids, for needs that have no names. */
export function policyOfAll(statements: readonly Statement[]): IamPolicy {
  return { Version: '2012-10-17', Statement: iamStatements(statements) };
}

/** One for each set of actions, with all that they are allowed on. */
function iamStatements(statements: readonly Statement[]): object[] {
  const byActions = new Map<string, Statement[]>();
  for (const statement of merged(statements)) {
    const key = JSON.stringify([statement.actions, statement.conditions]);
    byActions.set(key, [...(byActions.get(key) ?? []), statement]);
  }
  return [...byActions.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const { actions, resource, conditions } = first;
    return {
      Effect: 'Allow',
      Action: actions,
      Resource: others.length === 0 ? resource : [resource, ...others.map((one) => one.resource)],
      ...(isConditional(first) && { Condition: conditions }),
    };
  });
}

/** For people: with each list of names in one line. */
export function policyText(policy: IamPolicy): string {
  return JSON.stringify(policy, null, 2).replaceAll(
    /\[\s+("[^\]{}]*")\s+\]/g,
    (_, names: string) => `[${names.replaceAll(/\s+/g, ' ')}]`,
  );
}
