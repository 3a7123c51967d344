// The states of a bulk run: a map over segments. The function works on each segment until it is done. In a comparison on a
// schedule, the map is between the start of a run and its end.

import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  Choice,
  Condition,
  DistributedMap,
  Fail,
  JitterType,
  JsonPath,
  type State,
  StateMachineType,
  Succeed,
  TaskInput,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke, type LambdaInvokeProps } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { SEGMENTS_LABEL } from '../src/config/names.ts';

/** The function is called for a segment until it says that the segment is done. */
export function segmentStates(scope: Construct, segment: IFunction): DistributedMap {
  const map = new DistributedMap(scope, 'Segments', {
    label: SEGMENTS_LABEL,
    itemsPath: '$.segments',
    maxConcurrencyPath: '$.workers',
    itemSelector: {
      segment: JsonPath.numberAt('$$.Map.Item.Value'),
      task: JsonPath.objectAt('$.task'),
    },
    // A segment may take hours: an express run ends after five minutes.
    mapExecutionType: StateMachineType.STANDARD,
    resultPath: JsonPath.DISCARD,
  });
  const work = call(scope, 'WorkOnSegment', { lambdaFunction: segment });
  // The results of all segments together must fit into 256 KB: two bytes each.
  const done = new Succeed(scope, 'SegmentDone', { outputPath: JsonPath.DISCARD });
  const isDone = new Choice(scope, 'IsSegmentDone')
    .when(Condition.booleanEquals('$.done', true), done)
    .otherwise(work);
  map.itemProcessor(work.next(isDone));
  return map;
}

/** @returns the first. */
export function reconcileStates(scope: Construct, lambdaFunction: IFunction): State {
  const start = call(scope, 'StartRun', {
    lambdaFunction,
    payload: TaskInput.fromObject({
      reconcile: 'start',
      execution: JsonPath.executionId,
      input: JsonPath.entirePayload,
    }),
  });
  const end = call(scope, 'EndRun', { lambdaFunction });
  const hasEnded = new Choice(scope, 'HasRunEnded')
    .when(
      Condition.isPresent('$.failed'),
      new Fail(scope, 'RunFailed', { error: 'Incomplete', causePath: '$.failed' }),
    )
    .when(Condition.booleanEquals('$.done', true), new Succeed(scope, 'RunEnded'))
    .otherwise(end);
  const map = segmentStates(scope, lambdaFunction);
  map.addCatch(end, { resultPath: '$.error' });
  map.next(end.next(hasEnded));
  return start.next(
    new Choice(scope, 'IsRunDue')
      .when(Condition.booleanEquals('$.due', true), map)
      .otherwise(new Succeed(scope, 'NotDue')),
  ).startState;
}

function call(
  scope: Construct,
  id: string,
  props: Pick<LambdaInvokeProps, 'lambdaFunction' | 'payload'>,
): LambdaInvoke {
  const work = new LambdaInvoke(scope, id, {
    ...props,
    payloadResponseOnly: true,
    retryOnServiceExceptions: false,
  });
  // More segments than functions may run: each waits for its turn, however long the others take.
  work.addRetry({
    errors: ['Lambda.TooManyRequestsException'],
    interval: Duration.seconds(5),
    maxDelay: Duration.minutes(1),
    jitterStrategy: JitterType.FULL,
    maxAttempts: 100_000,
  });
  // What Ferry refuses, it refuses again.
  work.addRetry({ errors: ['FerryError', 'UsageError'], maxAttempts: 0 });
  work.addRetry({
    errors: ['States.ALL'],
    interval: Duration.seconds(5),
    maxDelay: Duration.minutes(2),
    maxAttempts: 10,
  });
  return work;
}
