// `ferry failover --all`: many tables, one layer after the other, and those of a layer side by side.

import { readFileSync } from 'node:fs';
import { outward } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { type LayerTask, parseLayers, payloadOf } from '../switching/layers.ts';
import { JsonProblem, jsonText, parseJson } from '../text/json-text.ts';
import { wrongOption } from './arguments.ts';
import type { GivenCall } from './call.ts';
import { numberOption, type OptionSpec, type ParsedOptions } from './command.ts';
import { EXIT } from './output.ts';
import { selectedReplications } from './replication.ts';
import { runOnEach } from './several.ts';
import { runSwitch, SWITCH_HINT, type SwitchCommand, TARGETS } from './switch.ts';
import { switchRequest } from './switch-options.ts';

export const LAYER_OPTIONS = {
  all: { help: 'switch every replication of the file that has "switching", by its layers' },
  layers: {
    value: 'FILE',
    help: 'with --all: the layers, as a payload of the state machine (see docs/switching.md)',
  },
  'at-once': numberOption('N', [1, 50], 'with --all: how many of a layer at the same time', 10),
} satisfies Record<string, OptionSpec>;

const TYPES = {
  failover: { planned: 'PlannedFailoverDynamoDB', lost: 'UnplannedFailoverDynamoDB' },
  failback: { planned: 'FailbackDynamoDB', lost: 'UnplannedFailoverDynamoDB' },
} as const;

/** @returns the worst exit code. What comes after a layer that has not been switched as a whole has not begun. */
export async function runLayers(name: SwitchCommand, given: GivenCall): Promise<number> {
  const { options, io } = given;
  if (!options.has('all'))
    throw wrongOption('--layers is for --all.', 'Use both, or name one replication.');
  if (options.text('accept-letters') !== undefined)
    throw wrongOption(
      '--accept-letters is for one replication.',
      'For several, give each its AcceptLetters in the file of --layers.',
    );
  const known = (await selectedReplications(options))
    .filter(({ switching }) => switching !== undefined)
    .map(outward);
  const requests = new Map(
    known.map((one) => [one.name, switchRequest(options, { kind: 'switch', ...one })]),
  );
  const codes: number[] = [];
  for (const { layer, resources } of layersOf(name, options, known)) {
    const tasks = new Map(resources.map((task) => [task.replication, task]));
    const inLayer = known.filter((one) => tasks.has(one.name));
    if (!options.has('json')) io.out(`Layer ${layer}`);
    const code = await runOnEach(inLayer, given, {
      hint: SWITCH_HINT,
      run(call) {
        const { name: replication } = call.replication;
        const [task, request] = [tasks.get(replication), requests.get(replication)];
        if (task === undefined || request === undefined) throw new Error(`no task ${replication}`);
        return runSwitch(call, {
          command: `ferry ${name}`,
          target: TARGETS[name],
          request: {
            ...request,
            kind: task.sourceLost ? 'lost' : request.kind,
            accepted: task.acceptedLetters,
          },
          fencedByApplication: task.fencedByApplication || options.has('fenced-by-application'),
        });
      },
    });
    codes.push(code);
    if (code !== EXIT.done && options.has('apply')) break;
  }
  return [EXIT.failed, EXIT.differences].find((code) => codes.includes(code)) ?? EXIT.done;
}

function layersOf(
  name: SwitchCommand,
  options: ParsedOptions,
  known: readonly ReplicationConfig[],
) {
  const regions = known.map(
    ({ name: replication, source, destination }) =>
      [replication, { source: source.region, destination: destination.region }] as const,
  );
  const path = options.text('layers');
  const payload = path === undefined ? byLayer(name, options, known) : documentIn(path);
  const layers = parseLayers(payload, new Map(regions));
  const tasks = layers.flatMap(({ resources }) => resources);
  if (options.has('cancel') && tasks.some(({ sourceLost }) => sourceLost))
    throw wrongOption(
      `--cancel and ${TYPES[name].lost} contradict each other.`,
      `Use resources of the type ${TYPES[name].planned}.`,
    );
  const other = tasks.find((task) => !isFor(name, task));
  if (other === undefined) return layers;
  throw wrongOption(
    `--layers has an operation "${other.operation}" for ${other.replication}, and the command is ferry ${name}.`,
    `Use resources of the type ${TYPES[name].planned} or ${TYPES[name].lost}.`,
  );
}

const isFor = (name: SwitchCommand, { operation, sourceLost }: LayerTask) =>
  operation === name || (operation !== 'drain' && sourceLost);

/** As the configuration has them. */
function byLayer(
  name: SwitchCommand,
  options: ParsedOptions,
  known: readonly ReplicationConfig[],
): object {
  const type = TYPES[name][options.has('source-lost') ? 'lost' : 'planned'];
  const layers: Record<string, Record<string, string[]>> = {};
  for (const { name: replication, switching } of known)
    ((layers[switching?.layer ?? 1] ??= {})[type] ??= []).push(replication);
  return payloadOf(layers);
}

function documentIn(path: string): unknown {
  try {
    return parseJson(jsonText(readFileSync(path)));
  } catch (cause) {
    if (!(cause instanceof JsonProblem) && !(cause instanceof Error && 'code' in cause))
      throw cause;
    throw wrongOption(
      `--layers must name a file with JSON, got ${path}: ${cause.message}.`,
      'docs/switching.md has an example.',
      cause,
    );
  }
}
