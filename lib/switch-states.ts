// The states of `ferry-switch`: the input is checked as a whole, then a map over layers, one at a time, and in each of
// them a map over tables. The function works on each table until it is done. A layer fails only when all have ended.

import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  Choice,
  Condition,
  DistributedMap,
  JitterType,
  JsonPath,
  Map as MapState,
  Pass,
  type State,
  StateMachineType,
  Succeed,
  TaskInput,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { TABLES_LABEL } from '../src/config/names.ts';

/** @returns the first. */
export function switchStates(scope: Construct, lambdaFunction: IFunction): State {
  const call = (id: string, payload: Record<string, unknown>, resultPath?: string) => {
    const task = new LambdaInvoke(scope, id, {
      lambdaFunction,
      payload: TaskInput.fromObject(payload),
      payloadResponseOnly: true,
      retryOnServiceExceptions: false,
      ...(resultPath !== undefined && { resultPath }),
    });
    // What Ferry refuses, it refuses again.
    task.addRetry({ errors: ['FerryError', 'UsageError'], maxAttempts: 0 });
    task.addRetry({
      errors: ['States.ALL'],
      interval: Duration.seconds(2),
      maxDelay: Duration.seconds(30),
      jitterStrategy: JitterType.FULL,
      maxAttempts: 10,
    });
    return task;
  };
  const check = call('CheckLayers', { kind: 'layers', payload: JsonPath.entirePayload });
  const layers = new MapState(scope, 'Layers', {
    itemsPath: '$.layers',
    maxConcurrency: 1,
    resultPath: JsonPath.DISCARD,
  });
  const checkLayer = call('CheckLayer', {
    kind: 'ended',
    layer: JsonPath.numberAt('$.layer'),
    resources: JsonPath.objectAt('$.resources'),
    results: JsonPath.objectAt('$.results'),
  });
  layers.itemProcessor(tables(scope, call).next(checkLayer));
  return check.next(layers).startState;
}

type Call = (id: string, payload: Record<string, unknown>, resultPath?: string) => LambdaInvoke;

function tables(scope: Construct, call: Call): DistributedMap {
  const map = new DistributedMap(scope, 'Tables', {
    label: TABLES_LABEL,
    itemsPath: '$.resources',
    itemSelector: {
      task: JsonPath.objectAt('$$.Map.Item.Value'),
      run: JsonPath.stringAt('$$.Execution.Id'),
    },
    // A switch may take longer than the five minutes of an express run.
    mapExecutionType: StateMachineType.STANDARD,
    // A table that fails stops neither its neighbours nor the look at all of them.
    toleratedFailurePercentage: 100,
    resultPath: '$.results',
  });
  const step = call('Switch', { kind: 'step', state: JsonPath.entirePayload });
  const ended = new Succeed(scope, 'Ended', { inputPath: '$.ended' });
  const failed = new Pass(scope, 'GivenUp', {
    parameters: {
      ended: {
        replication: JsonPath.stringAt('$.task.replication'),
        failed: JsonPath.stringAt('$.error.Cause'),
      },
    },
  });
  step.addCatch(failed.next(ended), { resultPath: '$.error' });
  const wait = new Wait(scope, 'WaitForNext', { time: WaitTime.secondsPath('$.waitSeconds') });
  map.itemProcessor(
    step.next(
      new Choice(scope, 'HasEnded')
        .when(Condition.isPresent('$.ended'), ended)
        .otherwise(wait.next(step)),
    ),
  );
  return map;
}
