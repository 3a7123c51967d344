// Many tables to switch, in layers: a payload of the DR Orchestrator in, what to do in which order out. All that is wrong
// with it is said at once, before anything is touched.

import { problemList, show } from '../config/problems.ts';
import { UsageError } from '../errors.ts';

/** What is to be done with one replication. */
export interface LayerTask {
  readonly replication: string;
  readonly operation: 'failover' | 'failback' | 'drain';
  /** Nothing in the other Region is asked. */
  readonly sourceLost: boolean;
  /** Sequence numbers. */
  readonly acceptedLetters: readonly string[];
  readonly fencedByApplication: boolean;
}

export interface Layer {
  readonly layer: number;
  /** Side by side. */
  readonly resources: readonly LayerTask[];
}

/** By its name: a replication that can be switched. */
export type Switchable = ReadonlyMap<string, SwitchableRegions>;

interface SwitchableRegions {
  readonly source: string;
  readonly destination: string;
}

type Kind = Pick<LayerTask, 'operation' | 'sourceLost'>;

const LOST: Kind = { operation: 'failover', sourceLost: true };
const KINDS: Readonly<Record<string, Kind>> = {
  PlannedFailoverDynamoDB: { operation: 'failover', sourceLost: false },
  UnplannedFailoverDynamoDB: LOST,
  // As the DR Orchestrator writes it.
  UnPlannedFailoverDynamoDB: LOST,
  FailbackDynamoDB: { operation: 'failback', sourceLost: false },
  DrainDynamoDB: { operation: 'drain', sourceLost: false },
};

/**
 * @param here the Region that switches, of a state machine: it can only activate itself. A failover because of a lost
 *   Region activates it, on whichever side it is.
 * @returns the layers in ascending order.
 * @throws UsageError `layers.invalid`, with every problem.
 */
export function parseLayers(payload: unknown, known: Switchable, here?: string): Layer[] {
  const problems: string[] = [];
  const layers = [...layersIn(payload, { known, here, problems })];
  problems.push(...repeated(layers));
  if (problems.length === 0) return layers.toSorted((a, b) => a.layer - b.layer);
  const list = problemList(problems.map((text) => ({ at: [], text })));
  throw new UsageError(`The layers have ${list}`, {
    code: 'layers.invalid',
    hint: 'docs/switching.md shows their form. Nothing was changed.',
  });
}

/** Of a function, whose variable is short: by layer and type of the resources, the names of replications. */
export type ShortLayers = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** The same as a payload. */
export function payloadOf(layers: ShortLayers): object {
  const StatePayload = Object.entries(layers).map(([layer, types]) => ({
    layer: Number(layer),
    resources: Object.entries(types).flatMap(([resourceType, names]) =>
      names.map((name) => ({
        resourceType,
        resourceName: name,
        parameters: { Replication: name },
      })),
    ),
  }));
  return { StatePayload };
}

/** @throws UsageError as `parseLayers`. */
export function requireAllDone(layer: number, total: number, failed: readonly string[]): void {
  if (failed.length === 0) return;
  throw new UsageError(
    `${failed.length} of ${total} in layer ${layer} have failed:${failed.map((one) => `\n  ${one}`).join('')}`,
    {
      code: 'layers.failed',
      hint: 'Later layers have not begun. Repeat the switch with the same layers: it finds what is done.',
    },
  );
}

interface Reading {
  readonly known: Switchable;
  readonly here: string | undefined;
  /** Filled. */
  readonly problems: string[];
}

type Members = Readonly<Record<string, unknown>>;

function* layersIn(payload: unknown, reading: Reading): Generator<Layer> {
  const { problems } = reading;
  const { StatePayload: entries } = membersOf(payload);
  if (!Array.isArray(entries) || entries.length === 0) {
    problems.push(`StatePayload must be a list of layers, got ${show(entries)}`);
    return;
  }
  for (const [index, entry] of (entries as unknown[]).entries()) {
    const path = `StatePayload.${index}`;
    const { layer, resources } = membersOf(entry);
    const isNumber = typeof layer === 'number' && Number.isSafeInteger(layer) && layer > 0;
    if (!isNumber) problems.push(`${path}.layer must be a whole number from 1, got ${show(layer)}`);
    if (!Array.isArray(resources) || resources.length === 0)
      problems.push(`${path}.resources must be a list of resources, got ${show(resources)}`);
    const all = Array.isArray(resources) ? (resources as unknown[]) : [];
    const tasks = all.flatMap((one, at) => taskOf(`${path}.resources.${at}`, one, reading) ?? []);
    yield { layer: isNumber ? layer : 0, resources: tasks };
  }
}

function taskOf(path: string, resource: unknown, reading: Reading): LayerTask | undefined {
  const { known, problems } = reading;
  const { resourceType, resourceName, parameters } = membersOf(resource);
  const kind = typeof resourceType === 'string' ? KINDS[resourceType] : undefined;
  if (kind === undefined)
    problems.push(
      `${path}.resourceType must be one of ${Object.keys(KINDS).join(', ')}, got ${show(resourceType)}`,
    );
  if (typeof resourceName !== 'string' || resourceName === '')
    problems.push(`${path}.resourceName must be a name, got ${show(resourceName)}`);
  const at = `${path}.parameters`;
  const {
    Replication: name,
    AcceptLetters,
    FencedByApplication,
    ...others
  } = membersOf(parameters);
  for (const unknown of Object.keys(others))
    problems.push(
      `${at}.${unknown} is unknown; there are Replication, AcceptLetters and FencedByApplication`,
    );
  const regions = typeof name === 'string' ? known.get(name) : undefined;
  if (regions === undefined)
    problems.push(
      `${at}.Replication must be one that can be switched, ${[...known.keys()].join(', ') || 'and there is none'}, got ${show(name)}`,
    );
  const options = optionsOf(at, { AcceptLetters, FencedByApplication }, problems);
  if (kind === undefined || regions === undefined) return undefined;
  const placed = inRegion(kind, regions, reading.here);
  if (typeof placed === 'string') problems.push(`${path}: ${String(resourceType)} ${placed}`);
  else return { replication: String(name), ...placed, ...options };
  return undefined;
}

function optionsOf(
  path: string,
  { AcceptLetters: letters = [], FencedByApplication: fenced = false }: Members,
  problems: string[],
): Pick<LayerTask, 'acceptedLetters' | 'fencedByApplication'> {
  const numbers = Array.isArray(letters) ? (letters as unknown[]) : [undefined];
  const accepted = numbers.filter((one) => typeof one === 'string');
  if (accepted.length < numbers.length)
    problems.push(`${path}.AcceptLetters must be a list of sequence numbers, got ${show(letters)}`);
  if (typeof fenced !== 'boolean')
    problems.push(`${path}.FencedByApplication must be true or false, got ${show(fenced)}`);
  return { acceptedLetters: accepted, fencedByApplication: fenced === true };
}

/** @returns what is wrong with it, as text. */
function inRegion(
  { operation, sourceLost }: Kind,
  { source, destination }: SwitchableRegions,
  here: string | undefined,
): Kind | string {
  if (here === undefined || operation === 'drain') return { operation, sourceLost };
  if (sourceLost) return { operation: here === source ? 'failback' : 'failover', sourceLost };
  const target = operation === 'failover' ? destination : source;
  if (target === here) return { operation, sourceLost };
  return `activates ${target}; start it there, and not in ${here}`;
}

function* repeated(layers: readonly Layer[]): Generator<string> {
  const numbers = layers.map(({ layer }) => layer).filter((layer) => layer > 0);
  const names = layers.flatMap(({ resources }) => resources.map(({ replication }) => replication));
  for (const layer of twice(numbers)) yield `layer ${layer} is there more than once`;
  for (const name of twice(names)) yield `the replication ${name} is there more than once`;
}

function twice<T>(values: readonly T[]): Set<T> {
  return new Set(values.filter((value, index) => values.indexOf(value) !== index));
}

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}
