// ferry.json -> one checked, frozen configuration, with every problem reported at once.
// ferry.schema.json is the single list of settings, ranges and defaults; rules that a schema cannot
// say, such as "not the same table twice", are checked here.

import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject } from 'ajv';
import schema from '../ferry.schema.json' with { type: 'json' };
import { UsageError } from './errors.ts';
import type { HandlerSettings, TtlDeletes, UnversionedItems } from './handler-settings.ts';

export interface KeyAttribute {
  readonly name: string;
  readonly type: 'S' | 'N' | 'B';
}

export interface TableConfig {
  readonly region: string;
  readonly table: string;
  /** Whether the app creates the table; it must have a `partitionKey` then. */
  readonly create: boolean;
  readonly partitionKey?: KeyAttribute;
  readonly sortKey?: KeyAttribute;
  readonly kmsKeyArn?: string;
  readonly endpoint?: string;
}

export interface SourceConfig extends TableConfig {
  /** Stream of an existing table; absent when the app creates the table. */
  readonly streamArn?: string;
}

export interface EventSourceConfig {
  readonly batchSize: number;
  readonly maxBatchingWindowSeconds: number;
  readonly parallelizationFactor: number;
  /** -1: until `maxRecordAgeSeconds`. */
  readonly retryAttempts: number;
  readonly maxRecordAgeSeconds: number;
}

interface FunctionConfig {
  readonly memoryMiB: number;
  readonly timeoutSeconds: number;
  readonly concurrency: number;
  readonly logRetentionDays: number;
}

/** One table and its twin. */
export interface ReplicationConfig {
  readonly name: string;
  readonly source: SourceConfig;
  readonly destination: TableConfig;
  readonly stateTable: string;
  readonly ttlDeletes: TtlDeletes;
  readonly unversionedItems: UnversionedItems;
  readonly reservedAttribute: string;
  readonly timestampAttribute?: string;
  readonly eventSource: EventSourceConfig;
  readonly function: FunctionConfig;
}

export interface Config {
  readonly replications: readonly ReplicationConfig[];
}

/**
 * Reads and checks a configuration file.
 * @throws UsageError `config.unreadable` or `config.invalid`; the latter lists every problem.
 */
export function loadConfig(path: string): Config {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UsageError(
      `Cannot read the configuration file ${path}: ${(cause as Error).message}.`,
      {
        code: 'config.unreadable',
        hint: 'Name another file with --config, or start from the ferry.json of this repository.',
        cause,
      },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${path} is not JSON: ${(cause as Error).message}.`, {
      code: 'config.invalid',
      hint: 'An editor that knows JSON shows the place.',
      cause,
    });
  }
  return parseConfig(value, path);
}

/**
 * Checks a configuration value and fills in the defaults. `value` is left as it was.
 * @throws UsageError `config.invalid`, with one line per problem: path, value and what was expected.
 */
export function parseConfig(value: unknown, origin = 'ferry.json'): Config {
  const config: unknown = structuredClone(value);
  const problems = [...schemaProblems(config)];
  if (problems.length === 0) problems.push(...ruleProblems(config as Config));
  if (problems.length > 0) {
    const lines = problems.map((problem) => `  ${problem}`).join('\n');
    throw new UsageError(`${origin} has ${problems.length} problem(s):\n${lines}`, {
      code: 'config.invalid',
      hint: 'ferry.schema.json describes every setting; editors complete and check against it.',
    });
  }
  const { replications } = config as Config;
  return deepFreeze({
    replications: replications.map((one) => ({
      ...one,
      stateTable: one.stateTable ?? `ferry-${one.name}-state`,
    })),
  });
}

/** What the handler of `replication` is told, apart from what only a deployment knows. */
export function handlerSettings(
  replication: ReplicationConfig,
  deployed: Pick<HandlerSettings, 'deadLetterQueueUrl' | 'onFailureBucket'>,
): HandlerSettings {
  const { source, destination } = replication;
  return {
    replication: replication.name,
    sourceRegion: source.region,
    destinationRegion: destination.region,
    destinationTable: destination.table,
    destinationEndpoint: destination.endpoint,
    stateTable: replication.stateTable,
    ...deployed,
    reservedAttribute: replication.reservedAttribute,
    unversionedItems: replication.unversionedItems,
    ttlDeletes: replication.ttlDeletes,
    timestampAttribute: replication.timestampAttribute,
    concurrency: replication.function.concurrency,
  };
}

function schemaProblems(config: unknown): string[] {
  const validate = new Ajv({ allErrors: true, useDefaults: true, verbose: true }).compile(schema);
  return validate(config) ? [] : (validate.errors ?? []).map(describeProblem);
}

function describeProblem({
  instancePath,
  keyword,
  params,
  data,
  message,
  parentSchema,
}: ErrorObject): string {
  const path = instancePath.slice(1).replaceAll('/', '.') || 'the file';
  const meaning = parentSchema?.['description'] as string | undefined;
  const expected = meaning === undefined ? '' : ` (${meaning})`;
  switch (keyword) {
    case 'required':
      return `${path}: "${params['missingProperty']}" is required, and is missing`;
    case 'additionalProperties': {
      const known = Object.keys((parentSchema?.['properties'] as object | undefined) ?? {});
      return `${path}: "${params['additionalProperty']}" is not a setting; known here: ${known.join(', ')}`;
    }
    case 'enum':
      return `${path} must be one of ${(params['allowedValues'] as unknown[]).join(', ')}, got ${show(data)}${expected}`;
    default:
      return `${path} ${message ?? 'is wrong'}, got ${show(data)}${expected}`;
  }
}

function* ruleProblems({ replications }: Config): Generator<string> {
  const names = new Set<string>();
  for (const [index, replication] of replications.entries()) {
    const path = `replications.${index}`;
    const { name, source, destination, timestampAttribute, reservedAttribute } = replication;
    if (names.has(name)) yield `${path}.name must be unique, got ${show(name)} twice`;
    names.add(name);
    yield* tableProblems(`${path}.source`, source);
    yield* tableProblems(`${path}.destination`, destination);
    yield* streamProblems(`${path}.source`, source);
    if (
      source.region === destination.region &&
      source.table === destination.table &&
      source.endpoint === destination.endpoint
    ) {
      yield `${path}.destination must be another table than the source, got ${destination.table} in ${destination.region} for both`;
    }
    if (timestampAttribute === reservedAttribute) {
      yield `${path}.timestampAttribute must differ from reservedAttribute, got ${show(timestampAttribute)} for both`;
    }
  }
}

function* tableProblems(path: string, table: TableConfig): Generator<string> {
  if (table.create && table.partitionKey === undefined) {
    yield `${path}.partitionKey is required when "create" is true, and is missing`;
  }
  if (!table.create && (table.partitionKey ?? table.sortKey) !== undefined) {
    yield `${path}: "partitionKey" and "sortKey" are for tables with "create": true; an existing table keeps its own`;
  }
  if (table.create && table.kmsKeyArn !== undefined) {
    yield `${path}.kmsKeyArn is for existing tables; a created table uses an AWS managed key`;
  }
  if (table.sortKey !== undefined && table.sortKey.name === table.partitionKey?.name) {
    yield `${path}.sortKey.name must differ from the partition key's, got ${show(table.sortKey.name)} for both`;
  }
}

function* streamProblems(
  path: string,
  { create, streamArn, region, table }: SourceConfig,
): Generator<string> {
  if (create && streamArn !== undefined) {
    yield `${path}: "streamArn" names an existing stream, and "create": true makes a new one; remove one of them`;
  }
  if (!create && streamArn === undefined) {
    yield `${path}: "streamArn" is required for an existing table, and is missing; or set "create": true`;
  }
  const [, , , streamRegion, , resource] = streamArn?.split(':') ?? [];
  if (streamRegion !== undefined && streamRegion !== region) {
    yield `${path}.streamArn must be a stream in ${region}, got one in ${streamRegion}`;
  }
  const streamTable = resource?.split('/')[1];
  if (streamTable !== undefined && streamTable !== table) {
    yield `${path}.streamArn must be a stream of ${table}, got one of ${streamTable}`;
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) deepFreeze(child);
    Object.freeze(value);
  }
  return value;
}
