// Lambda's entry for switches, called by the state machine `ferry-switch`: checks the layers, works on one table for as
// long as the invocation has time, and fails a layer whose tables have not all been switched.

import type { Context } from 'aws-lambda';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { logLine } from '../composition/function-output.ts';
import { type FunctionSwitch, openFunctionSwitch } from '../composition/switch-function.ts';
import { keepSwitch, type SwitchEnding } from '../composition/switch-history.ts';
import { isBackName, outwardName, SWITCH_VARIABLE } from '../config/names.ts';
import { FerryError } from '../errors.ts';
import { countsOf } from '../history/entry.ts';
import type { Clock } from '../ports.ts';
import { type LayerTask, parseLayers, requireAllDone } from '../switching/layers.ts';
import { newSwitch, nextStep, type SwitchState } from '../switching/next-step.ts';
import { exitCodeOf, type SwitchResult } from '../switching/step.ts';

/** One table, between two calls. */
interface TableState {
  readonly task: LayerTask;
  /** Of the execution, which no other one has. */
  readonly run: string;
  /** How often the function has been called for it before. */
  readonly calls?: number;
  /** Of the first call. */
  readonly startedAtMs?: number;
}

/** How one table ended. */
interface Ended {
  readonly replication: string;
  readonly result?: string;
  /** Why, for people. */
  readonly failed?: string;
}

interface EndedLayer {
  readonly kind: 'ended';
  readonly layer: number;
  readonly resources: readonly LayerTask[];
  /** What a run that was stopped leaves has another form. */
  readonly results: ReadonlyArray<Partial<Ended>>;
}

export type SwitchEvent =
  | { readonly kind: 'layers'; readonly payload: unknown }
  | { readonly kind: 'step'; readonly state: TableState }
  | EndedLayer;

/** Time for a piece of work, and for the answer. */
const LAST_STEP_MS = 120_000;
/** Half a day of invocations of a quarter of an hour: a switch that takes longer does not end by itself. */
const CALLS_MAX = 50;

interface Under {
  readonly open: FunctionSwitch;
  readonly state: SwitchState;
  /** Where another instance went on meanwhile, this one has lost the switch. */
  calls: number;
}

/** Of this instance of the function, by run. Another instance begins the switch again where it left off. */
const under = new Map<string, Under>();

export const handler = switchHandler(systemClock);

/** @returns what the next state of the state machine needs. */
export function switchHandler(clock: Clock) {
  return async (event: SwitchEvent, invocation: Context): Promise<object> => {
    if (event.kind === 'layers') return { layers: parseLayers(event.payload, known(), region()) };
    if (event.kind === 'step') return stepOn(event.state, invocation, clock);
    requireAllDone(event.layer, event.resources.length, failuresOf(event));
    return {};
  };
}

const region = () => process.env['AWS_REGION'] ?? '';

/** By the Region of their destinations, the directions whose source is here. */
const directions = () =>
  JSON.parse(process.env[SWITCH_VARIABLE] ?? '{}') as Readonly<Record<string, readonly string[]>>;

const givenName = (direction: string) =>
  isBackName(direction) ? outwardName(direction) : direction;

function known() {
  const entries = Object.entries(directions()).flatMap(([there, names]) =>
    names.map((name) => {
      const [source, destination] = isBackName(name) ? [there, region()] : [region(), there];
      return [givenName(name), { source, destination }] as const;
    }),
  );
  return new Map(entries);
}

/** Refusals end the table's run; what a request throws is tried again by the state machine. */
async function stepOn(table: TableState, invocation: Context, clock: Clock): Promise<object> {
  const { task, calls = 0, startedAtMs = clock.now() } = table;
  const { replication } = task;
  const ended = (end: Omit<Ended, 'replication'>) => ({ ...table, ended: { replication, ...end } });
  if (calls >= CALLS_MAX) return ended({ failed: `it has not ended after ${calls} calls` });
  try {
    const end = await workOn({ ...table, calls, startedAtMs }, invocation, clock);
    if (end !== undefined) return ended(end);
    return { ...table, startedAtMs, calls: calls + 1, waitSeconds: 1 };
  } catch (error) {
    if (error instanceof FerryError) return ended({ failed: `${error.message} (${error.code})` });
    throw error;
  }
}

/** @returns undefined while there is more to do than the invocation has time for. */
async function workOn(
  table: Required<TableState>,
  invocation: Context,
  clock: Clock,
): Promise<Omit<Ended, 'replication'> | undefined> {
  const { replication } = table.task;
  const current = await taken(table, invocation, clock);
  const { open, state } = current;
  const here = { ...placeOf(invocation, clock), arn: invocation.invokedFunctionArn };
  const record = (ending: SwitchEnding) => keepSwitch(table, open, ending, here);
  try {
    while (invocation.getRemainingTimeInMillis() > LAST_STEP_MS) {
      const { phase, counts, waitMs, result } = await nextStep(state, open.ports);
      const { records, keys, behind, applied } = counts;
      logLine({ event: 'switch.step', replication, phase, records, keys, behind, applied });
      if (result !== undefined) {
        close(table, current);
        const isDone = exitCodeOf({ result, asked: state.request }) === 0;
        const facts = { ...counts, ...result };
        const outcome = isDone ? 'done' : 'left';
        await record({ outcome, result: result.kind, counts: countsOf(facts) });
        return endOf(result, isDone);
      }
      if (waitMs > 0) await clock.sleep(waitMs);
    }
  } catch (error) {
    close(table, current);
    // What else is thrown is tried again.
    if (error instanceof FerryError)
      await record({ outcome: 'failed', error: error.code, counts: {} });
    throw error;
  }
  current.calls = table.calls + 1;
  return undefined;
}

function endOf(result: SwitchResult, isDone: boolean): Omit<Ended, 'replication'> {
  const { kind } = result;
  if (isDone) return { result: kind };
  return { failed: 'why' in result ? `${kind}: ${result.why}` : kind };
}

/** The switch that this instance has been at, or that begins, or begins again, here. */
async function taken(
  table: Required<TableState>,
  invocation: Context,
  clock: Clock,
): Promise<Under> {
  const { task, calls } = table;
  const kept = under.get(idOf(table));
  if (kept?.calls === calls) return kept;
  if (kept !== undefined) close(table, kept);
  const all = Object.values(directions()).flat();
  const open = await openFunctionSwitch(task, {
    ...placeOf(invocation, clock),
    direction: all.find((name) => givenName(name) === task.replication) ?? task.replication,
    random: systemRandom,
    // Only Lambda ends an invocation.
    stop: new AbortController().signal,
  });
  const begun = { open, state: newSwitch(open.request, systemRandom), calls };
  under.set(idOf(table), begun);
  try {
    await open.check();
    return begun;
  } catch (error) {
    close(table, begun);
    throw error;
  }
}

function placeOf({ invokedFunctionArn }: Context, clock: Clock) {
  const account = invokedFunctionArn.split(':')[4] ?? '';
  return { region: region(), account, environment: process.env, clock };
}

function close(table: TableState, { open }: Under): void {
  open.close();
  under.delete(idOf(table));
}

const idOf = ({ run, task }: TableState) => `${run} ${task.replication}`;

/** What has no result has failed, too: its run was stopped. */
function failuresOf({ resources, results }: EndedLayer): readonly string[] {
  return resources.flatMap(({ replication }) => {
    const ended = results.find((one) => one.replication === replication);
    if (ended !== undefined && ended.failed === undefined) return [];
    return `${replication}: ${ended?.failed ?? 'its run was stopped'}`;
  });
}
