// ferry.json -> one checked, frozen configuration, with every problem reported at once.
// ferry.schema.json is the single list of settings, ranges and defaults; rules.ts has the rules
// that a schema cannot say, such as "not the same table twice".

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import schema from '../../ferry.schema.json' with { type: 'json' };
import { type EncryptionConfig, withTableKeys } from './encryption-keys.ts';
import { ruleProblems, show } from './rules.ts';
import { lookAgainSeconds } from './names.ts';
import { UsageError } from '../errors.ts';
import type {
  HandlerSettings,
  HttpClient,
  SystemicRejections,
  Tombstones,
  TtlDeletes,
  UnversionedItems,
} from './handler-settings.ts';
import { JsonProblem, jsonText, linesOf, parseJson } from '../text/json-text.ts';
import { nearestName } from '../text/nearest-name.ts';

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
  /** Its customer managed key: as configured, or as the app creates it. */
  readonly kmsKeyArn?: string;
  readonly endpoint?: string;
}

export interface SourceConfig extends TableConfig {
  /** Stream of an existing table; absent when the app creates the table. */
  readonly streamArn?: string;
  /** Of other services in the Region, where they are not its own. */
  readonly endpoints?: ServiceEndpoints;
}

export interface ServiceEndpoints {
  readonly cloudwatch?: string;
  readonly lambda?: string;
  readonly s3?: string;
  readonly sfn?: string;
  readonly sqs?: string;
}

export interface EventSourceConfig {
  readonly batchSize: number;
  readonly maxBatchingWindowSeconds: number;
  readonly parallelizationFactor: number;
  /** -1: until `maxRecordAgeSeconds`. */
  readonly retryAttempts: number;
  readonly maxRecordAgeSeconds: number;
  /** False keeps a new mapping off until somebody enables it. */
  readonly enabled: boolean;
}

interface FunctionConfig {
  readonly memoryMiB: number;
  readonly timeoutSeconds: number;
  /** Most writes at once; a TLS socket takes about a tenth of a MiB, so never more than `memoryMiB`. */
  readonly concurrency: number;
  readonly httpClient: HttpClient;
  readonly logRetentionDays: number;
}

interface HeartbeatConfig {
  /** Texts for attributes of type S, numbers for type N. */
  readonly key: Readonly<Record<string, string | number>>;
}

interface AlarmConfig {
  readonly email?: string;
  readonly latencySeconds: number;
  /** Path or URL. */
  readonly runbook: string;
}

/** One table and its twin. */
export interface ReplicationConfig {
  readonly name: string;
  readonly source: SourceConfig;
  readonly destination: TableConfig;
  readonly stateTable: string;
  readonly tombstones: Tombstones;
  readonly systemicRejections: SystemicRejections;
  readonly ttlDeletes: TtlDeletes;
  readonly unversionedItems: UnversionedItems;
  readonly reservedAttribute: string;
  readonly timestampAttribute?: string;
  /** As in the file; `keyOf` finds the key of each resource. */
  readonly encryption?: EncryptionConfig;
  readonly heartbeat?: HeartbeatConfig;
  readonly alarms: AlarmConfig;
  readonly eventSource: EventSourceConfig;
  readonly function: FunctionConfig;
  /** Whether the app deploys what runs backfill and verify of very large tables. */
  readonly bulk: boolean;
}

/** As the schema has it: every default but one. */
type ReplicationInFile = Omit<ReplicationConfig, 'stateTable'> &
  Partial<Pick<ReplicationConfig, 'stateTable'>>;

export interface Config {
  readonly replications: readonly ReplicationConfig[];
}

/**
 * Reads and checks a configuration file.
 * @throws UsageError `config.unreadable` or `config.invalid`; the latter lists every problem.
 */
export function loadConfig(path: string): Config {
  const { text, value } = readJson(path);
  return parseConfig(value, path, text);
}

/**
 * The value that the file holds, not yet checked.
 * @throws UsageError `config.unreadable`, or `config.invalid` where it is not JSON.
 */
export function readConfigFile(path: string): unknown {
  return readJson(path).value;
}

function readJson(path: string): { readonly text: string; readonly value: unknown } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause as NodeJS.ErrnoException);
  }
  try {
    const text = jsonText(bytes);
    return { text, value: parseJson(text) };
  } catch (cause) {
    if (!(cause instanceof JsonProblem)) throw cause;
    throw notJson(path, cause);
  }
}

function unreadable(path: string, cause: NodeJS.ErrnoException): UsageError {
  const full = resolve(path);
  return new UsageError(
    cause.code === 'ENOENT'
      ? `There is no configuration file ${full}.`
      : `Cannot read the configuration file ${full}: ${cause.message}.`,
    {
      code: 'config.unreadable',
      hint: 'Run the command in the folder that has ferry.json, name the file with --config, or let `ferry init` write one.',
      cause,
    },
  );
}

function notJson(path: string, problem: JsonProblem): UsageError {
  const lines = problem.excerpt.split('\n').map((line) => `\n  ${line}`);
  const excerpt = problem.excerpt === '' ? '.' : `:${lines.join('')}`;
  return new UsageError(`${path} is not JSON: ${problem.message}${excerpt}`, {
    code: 'config.invalid',
    hint: 'JSON has names and texts in double quotes, a comma between two members and none after the last, and no comments.',
    cause: problem,
  });
}

/**
 * Checks a configuration value and fills in the defaults. `value` is left as it was.
 * @param text of the file, if `value` was read from one: problems then name their line.
 * @throws UsageError `config.invalid`, with one line per problem: path, value and what was expected.
 */
export function parseConfig(value: unknown, origin = 'ferry.json', text = ''): Config {
  if (isDeeper(value, LEVELS_MAX)) {
    throw invalid(origin, [`the file must not be nested more than ${LEVELS_MAX} levels deep`]);
  }
  const config: unknown = structuredClone(value);
  const { problems, sound } = schemaProblems(config);
  for (const problem of ruleProblems(sound)) problems.push({ at: pathOf(problem), text: problem });
  if (problems.length > 0) throw invalid(origin, withLines(problems, text));
  return deepFreeze({ replications: withTableKeys(sound) });
}

function withStateTable(replication: ReplicationInFile): ReplicationConfig {
  return { stateTable: `ferry-${replication.name}-state`, ...replication };
}

/** Far more than the schema has: what goes through a value member by member must come to an end. */
const LEVELS_MAX = 100;

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1));
}

interface Problem {
  /** Names and indexes from the file to the value that it is about, as far as they are known. */
  readonly at: readonly string[];
  readonly text: string;
}

/** Problems of rules begin with the path. */
function pathOf(problem: string): string[] {
  return (/^replications[^\s:]*/.exec(problem)?.[0] ?? '').split('.');
}

function withLines(problems: readonly Problem[], text: string): string[] {
  const lineOf = linesOf(text);
  return problems.map((problem) => {
    const line = lineOf(problem.at);
    return line === undefined ? problem.text : `line ${line}: ${problem.text}`;
  });
}

function invalid(origin: string, problems: readonly string[]): UsageError {
  // Names of settings and attributes may hold anything, also the end of a line.
  const lines = problems.map((problem) => `  ${inOneLine(problem)}`).join('\n');
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new UsageError(`${origin} has ${count}:\n${lines}`, {
    code: 'config.invalid',
    hint: 'ferry.schema.json describes every setting; editors complete and check against it.',
  });
}

function inOneLine(text: string): string {
  return text.replaceAll(/\p{C}/gu, (unseen) => `\\u{${unseen.codePointAt(0)?.toString(16)}}`);
}

/** What the handler of `replication` is told, apart from what only a deployment knows. */
export function handlerSettings(
  replication: ReplicationConfig,
  deployed: Pick<
    HandlerSettings,
    'deadLetterQueueUrl' | 'onFailureBucket' | 'lookAgainQueueUrl' | 'streamArn'
  >,
): HandlerSettings {
  const { source, destination, heartbeat } = replication;
  const { httpClient, concurrency, memoryMiB, timeoutSeconds } = replication.function;
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
    heartbeatKey: heartbeat && JSON.stringify(heartbeatKey(heartbeat)),
    tombstones: replication.tombstones,
    systemicRejections: replication.systemicRejections,
    lookAgainSeconds: Math.min(lookAgainSeconds(timeoutSeconds), 900),
    httpClient,
    concurrency: Math.min(concurrency, memoryMiB),
  };
}

/** The key of the heartbeat item, as DynamoDB has it. Rounded numbers have been refused before. */
export function heartbeatKey({ key }: HeartbeatConfig): Record<string, AttributeValue> {
  return marshall(key, { allowImpreciseNumbers: true });
}

/** Compiled once, because that takes longer than all checks of a file. */
let validator: ValidateFunction | undefined;

function compiledSchema(): ValidateFunction {
  return new Ajv({
    allErrors: true,
    useDefaults: true,
    verbose: true,
    allowUnionTypes: true,
  }).compile(schema);
}

/** The problems that the schema finds, and the replications in which it finds none. */
function schemaProblems(config: unknown): {
  problems: Problem[];
  sound: Map<number, ReplicationConfig>;
} {
  const validate = (validator ??= compiledSchema());
  const errors = validate(config) ? [] : (validate.errors ?? []);
  const unsound = new Set(errors.map(({ instancePath }) => instancePath.split('/')[2]));
  const { replications } = (config ?? {}) as { replications?: unknown };
  const all = (Array.isArray(replications) ? replications : []) as ReplicationInFile[];
  // Of a list that is too long, the rules, which compare each with each, would not come to an end.
  const isLong = all.length > schema.properties.replications.maxItems;
  const sound = [...(isLong ? [] : all).entries()]
    .filter(([index]) => !unsound.has(String(index)))
    .map(([index, one]) => [index, withStateTable(one)] as const);
  return { problems: errors.map(describeProblem), sound: new Map(sound) };
}

function describeProblem(error: ErrorObject): Problem {
  const { instancePath, params } = error;
  // As a JSON pointer has them.
  const names = instancePath
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  const unknown = params['additionalProperty'] as string | undefined;
  const at = unknown === undefined ? names : [...names, unknown];
  return { at, text: describe(names.join('.') || 'the file', error) };
}

function describe(
  path: string,
  { keyword, params, data, message, parentSchema }: ErrorObject,
): string {
  const meaning = parentSchema?.['description'] as string | undefined;
  const expected = meaning === undefined ? '' : ` (${meaning})`;
  switch (keyword) {
    case 'required':
      return `${path}: "${params['missingProperty']}" is required, and is missing`;
    case 'additionalProperties': {
      const known = Object.keys((parentSchema?.['properties'] as object | undefined) ?? {});
      const unknown = params['additionalProperty'] as string;
      const nearest = nearestName(unknown, known);
      const meant = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
      return `${path}: "${unknown}" is not a setting${meant}; known here: ${known.join(', ')}`;
    }
    case 'enum':
      return `${path} must be one of ${(params['allowedValues'] as unknown[]).join(', ')}, got ${show(data)}${expected}`;
    case 'pattern':
      return `${path}: expected ${formOf((parentSchema ?? {}) as Described)}, got ${show(data)}`;
    default:
      return `${path} ${message ?? 'is wrong'}, got ${show(data)}${expected}`;
  }
}

interface Described {
  readonly description?: string;
  readonly examples?: readonly string[];
}

/** What a text has to be, in words: the expression that checks it says less to most people. */
function formOf({ description, examples }: Described): string {
  const [first = ''] = (description ?? 'another form').split(/\.(?: |$)/);
  const form = first.replace(/^(?:The|An?) /, (article) => article.toLowerCase());
  const [example] = examples ?? [];
  return example === undefined ? form : `${form} (for example ${example})`;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) deepFreeze(child);
    Object.freeze(value);
  }
  return value;
}
