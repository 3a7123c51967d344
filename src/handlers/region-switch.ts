// Lambda's entry for a Region switch plan of Application Recovery Controller: runs the layers of its environment through
// the state machine of its Region. It joins a run of its own that is under way, and throws until everything is done, so
// that the plan calls it again. The fields of the event are not documented, and are not read.

import type { Context } from 'aws-lambda';
import { accessTo } from '../aws/access.ts';
import { stepFunctions, stepFunctionsClient } from '../aws/step-functions.ts';
import { systemClock } from '../aws/system-clock.ts';
import { SWITCH_VARIABLE } from '../config/names.ts';
import { FerryError } from '../errors.ts';
import type { Clock } from '../ports.ts';
import { openOnce } from '../composition/open-once.ts';
import { payloadOf, type ShortLayers } from '../switching/layers.ts';

interface RegionSwitch {
  readonly stateMachineArn: string;
  /** The Region to be active. */
  readonly target: string;
  readonly layers: ShortLayers;
}

const LOOK_MS = 5_000;
/** Time for the answer. */
const LAST_LOOK_MS = 30_000;

const parts = openOnce(async () => {
  const text = process.env[SWITCH_VARIABLE];
  if (text === undefined) throw unset();
  const variable = JSON.parse(text) as RegionSwitch;
  const { stateMachineArn, target } = variable;
  const runs = stepFunctions(stepFunctionsClient(accessTo({ region: target })), stateMachineArn);
  return { ...variable, runs, prefix: `${process.env['AWS_LAMBDA_FUNCTION_NAME']}-` };
});

/** It throws until all tables are switched. */
export const handler = regionSwitchHandler(systemClock);

export function regionSwitchHandler(clock: Clock) {
  return async (_event: unknown, invocation: Context): Promise<{ readonly active: string }> => {
    const { runs, prefix, layers, target } = await parts();
    const running = await runs.running(prefix);
    // Invocations of the same minute start one run: the name of another one is taken.
    const minute = new Date(clock.now()).toISOString().slice(0, 16).replaceAll(/\D/g, '');
    const run = running ?? (await runs.start(`${prefix}${target}-${minute}`, payloadOf(layers)));
    while (invocation.getRemainingTimeInMillis() > LAST_LOOK_MS) {
      const state = await runs.state(run);
      if (state.kind === 'succeeded') return { active: target };
      if (state.kind === 'failed') throw unfinished(`${run} has failed: ${state.why}`);
      await clock.sleep(LOOK_MS);
    }
    throw unfinished(`${run} is running`);
  };
}

function unfinished(why: string): FerryError {
  return new FerryError(`Not everything is switched: ${why}`, { code: 'switching.unfinished' });
}

function unset(): FerryError {
  return new FerryError(`This function has no variable ${SWITCH_VARIABLE}.`, {
    code: 'switching.variable',
    hint: 'Deploy its stack again: `cdk deploy` sets the variable.',
  });
}
