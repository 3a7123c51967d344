// What a function may send: never what the other side has made, and to its own side nothing but removals below a delete
// and stamps.

import type { WriteRequest } from '../../../src/model/write-request.ts';
import type { Process } from '../process.ts';
import type { Side } from '../switching/plan.ts';
import { BEATS, versionOf } from './judge.ts';
import type { Way } from './mutant.ts';
import type { TwoWayWorld } from './world.ts';

interface Sending {
  readonly way: Way;
  readonly process: Process;
  readonly world: TwoWayWorld;
}

type Stored = Exclude<WriteRequest, { operation: 'TransactWriteItems' }>;

export function* requestProblems(
  request: WriteRequest,
  { way, process, world }: Sending,
): Generator<string> {
  const source = process.facts.settings.replication === 'orders' ? 'east' : 'west';
  if (request.operation === 'TransactWriteItems') {
    const { Put, Delete, ConditionCheck } = request.input.TransactItems?.[0] ?? {};
    const key = (Put?.Item ?? (Delete ?? ConditionCheck)?.Key)?.['pk']?.S ?? '';
    if (world.plan.mode === 'stamped') yield 'requests: a transaction';
    else yield* homeProblem(key, source, world);
    return;
  }
  const { operation, input } = request;
  const isTable = input.TableName?.startsWith('orders') === true;
  const key = (operation === 'PutItem' ? input.Item : input.Key)?.['pk']?.S ?? '';
  if (isTable && way === 'near') world.note(NEAR[operation]);
  if (BEATS.has(key)) return;
  if (world.plan.mode === 'stamped') yield* originProblem(request, source, key);
  else if (isTable && way === 'far') yield* homeProblem(key, source, world);
  else if (isTable && operation !== 'DeleteItem')
    yield `own: ${operation} of ${key} beside its stream`;
}

const NEAR = {
  UpdateItem: 'stamped again above an own delete',
  PutItem: 'put back',
  DeleteItem: 'removal below a delete',
} as const;

function* homeProblem(key: string, source: Side, world: TwoWayWorld): Generator<string> {
  if (!BEATS.has(key) && world.homeOf(key) !== source)
    yield `own: the ${source} sends on ${key}, whose home it is not`;
}

function* originProblem(request: Stored, source: Side, key: string): Generator<string> {
  const version = madeVersion(request);
  const digit = version?.[24];
  // The control row, and what bounds failures, has other versions.
  if (digit !== '1' && digit !== '2') return;
  if ((digit === '1') !== (source === 'east'))
    yield `own: the ${source} sends on ${version} of ${key}, which the other side made`;
}

/** The version of what is written, or of a delete. */
function madeVersion(request: Stored): string | undefined {
  if (request.operation === 'PutItem') return versionOf(request.input.Item);
  const { ExpressionAttributeValues: values, ExpressionAttributeNames: names } = request.input;
  const stamp = values?.[':stamp']?.M?.['v']?.S;
  if (stamp !== undefined) return stamp;
  const isTable = request.input.TableName?.startsWith('orders') === true;
  return isTable || names?.['#own'] === 'd' ? values?.[':v']?.S : undefined;
}
