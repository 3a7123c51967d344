// The handler's environment, written by the infrastructure and read by the handler.

import { FerryError } from '../errors.ts';

/** Everything the replicate handler needs to know. */
export interface HandlerSettings {
  readonly replication: string;
  readonly sourceRegion: string;
  /** The stream that the first control row is written for. */
  readonly streamArn?: string | undefined;
  readonly destinationRegion: string;
  readonly destinationTable: string;
  /** DynamoDB endpoint of the destination, where it is not the Region's own. */
  readonly destinationEndpoint?: string | undefined;
  readonly stateTable: string;
  readonly deadLetterQueueUrl: string;
  /** The on-failure bucket, which also takes records that are too large for the queue. */
  readonly onFailureBucket: string;
  /** Top-level map attribute that carries the version on destination items. */
  readonly reservedAttribute: string;
  /** What happens to destination items that Ferry did not write. */
  readonly unversionedItems: UnversionedItems;
  /** What happens to deletes made by the source table's TTL. */
  readonly ttlDeletes: TtlDeletes;
  /** Number attribute in which the application stamps its writes, epoch milliseconds. */
  readonly timestampAttribute?: string | undefined;
  /** DynamoDB's JSON of the heartbeat item's key, where there is one. */
  readonly heartbeatKey?: string | undefined;
  /** How deleted items are kept from coming back. */
  readonly tombstones: Tombstones;
  /** Whether a batch is held back of which nearly everything is rejected for one reason. */
  readonly systemicRejections: SystemicRejections;
  /** Where deletes are announced, with "checked" tombstones. */
  readonly lookAgainQueueUrl?: string | undefined;
  /** How long after its announcement a delete is looked at again, 0 to 900. */
  readonly lookAgainSeconds: number;
  /** What carries the writes: Ferry's own signed requests, or the AWS SDK. */
  readonly httpClient: HttpClient;
  /** Most writes under way at the same time in one invocation, 1 to 900: Lambda has 1,024 file descriptors. */
  readonly concurrency: number;
}

const UNVERSIONED_ITEMS = ['replace', 'keep'] as const;
export type UnversionedItems = (typeof UNVERSIONED_ITEMS)[number];

const TTL_DELETES = ['replicate', 'skip'] as const;
export type TtlDeletes = (typeof TTL_DELETES)[number];

const TOMBSTONES = ['checked', 'strict'] as const;
export type Tombstones = (typeof TOMBSTONES)[number];

const SYSTEMIC_REJECTIONS = ['hold', 'dead-letter'] as const;
export type SystemicRejections = (typeof SYSTEMIC_REJECTIONS)[number];

const HTTP_CLIENTS = ['signed', 'sdk'] as const;
export type HttpClient = (typeof HTTP_CLIENTS)[number];

const VARIABLES: Readonly<Record<keyof HandlerSettings, string>> = {
  replication: 'FERRY_REPLICATION',
  sourceRegion: 'FERRY_SOURCE_REGION',
  streamArn: 'FERRY_STREAM_ARN',
  destinationRegion: 'FERRY_DESTINATION_REGION',
  destinationTable: 'FERRY_DESTINATION_TABLE',
  destinationEndpoint: 'FERRY_DESTINATION_ENDPOINT',
  stateTable: 'FERRY_STATE_TABLE',
  deadLetterQueueUrl: 'FERRY_DEAD_LETTER_QUEUE_URL',
  onFailureBucket: 'FERRY_ON_FAILURE_BUCKET',
  reservedAttribute: 'FERRY_RESERVED_ATTRIBUTE',
  unversionedItems: 'FERRY_UNVERSIONED_ITEMS',
  ttlDeletes: 'FERRY_TTL_DELETES',
  timestampAttribute: 'FERRY_TIMESTAMP_ATTRIBUTE',
  heartbeatKey: 'FERRY_HEARTBEAT_KEY',
  tombstones: 'FERRY_TOMBSTONES',
  systemicRejections: 'FERRY_SYSTEMIC_REJECTIONS',
  lookAgainQueueUrl: 'FERRY_LOOK_AGAIN_QUEUE_URL',
  lookAgainSeconds: 'FERRY_LOOK_AGAIN_SECONDS',
  httpClient: 'FERRY_HTTP_CLIENT',
  concurrency: 'FERRY_CONCURRENCY',
};

/** The environment variables that carry `settings`; settings without a value are left out. */
export function toEnvironment(settings: HandlerSettings): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, variable] of Object.entries(VARIABLES)) {
    const value = settings[name as keyof HandlerSettings];
    if (value !== undefined) environment[variable] = String(value);
  }
  return environment;
}

/**
 * Reads the settings back.
 * @throws FerryError `handler.environment.invalid`, naming every variable that is missing or wrong.
 */
export function fromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): HandlerSettings {
  const problems: string[] = [];
  const optional = (name: keyof HandlerSettings) => environment[VARIABLES[name]] || undefined;
  const required = (name: keyof HandlerSettings) => {
    const value = optional(name);
    if (value === undefined) problems.push(`${VARIABLES[name]} is required`);
    return value ?? '';
  };
  const oneOf = <T extends string>(name: keyof HandlerSettings, allowed: readonly T[]) => {
    const value = required(name);
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined && value !== '') {
      problems.push(`${VARIABLES[name]} must be one of ${allowed.join(', ')}, got "${value}"`);
    }
    return found as T;
  };
  const integer = (name: keyof HandlerSettings, min: number, max: number) => {
    const value = required(name);
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (value !== '' && !(number >= min && number <= max)) {
      problems.push(`${VARIABLES[name]} must be ${min} to ${max}, got "${value}"`);
    }
    return number;
  };

  const settings: HandlerSettings = {
    replication: required('replication'),
    sourceRegion: required('sourceRegion'),
    streamArn: optional('streamArn'),
    destinationRegion: required('destinationRegion'),
    destinationTable: required('destinationTable'),
    destinationEndpoint: optional('destinationEndpoint'),
    stateTable: required('stateTable'),
    deadLetterQueueUrl: required('deadLetterQueueUrl'),
    onFailureBucket: required('onFailureBucket'),
    reservedAttribute: required('reservedAttribute'),
    unversionedItems: oneOf('unversionedItems', UNVERSIONED_ITEMS),
    ttlDeletes: oneOf('ttlDeletes', TTL_DELETES),
    timestampAttribute: optional('timestampAttribute'),
    heartbeatKey: optional('heartbeatKey'),
    tombstones: oneOf('tombstones', TOMBSTONES),
    systemicRejections: oneOf('systemicRejections', SYSTEMIC_REJECTIONS),
    lookAgainQueueUrl: optional('lookAgainQueueUrl'),
    lookAgainSeconds: integer('lookAgainSeconds', 0, 900),
    httpClient: oneOf('httpClient', HTTP_CLIENTS),
    concurrency: integer('concurrency', 1, 900),
  };
  if (settings.tombstones === 'checked' && settings.lookAgainQueueUrl === undefined) {
    problems.push(`${VARIABLES.lookAgainQueueUrl} is required with "checked" tombstones`);
  }
  problems.push(...attributeProblems(settings));
  if (problems.length > 0) {
    throw new FerryError(`The handler's environment is not usable: ${problems.join('; ')}.`, {
      code: 'handler.environment.invalid',
      hint: 'Deploy the function with the constructs in lib/, which set every variable.',
    });
  }
  return Object.freeze(settings);
}

/** Of the source's key, the function knows no more at its start than what the heartbeat's tells. */
function attributeProblems({ reservedAttribute, heartbeatKey }: HandlerSettings): string[] {
  const variable = VARIABLES.reservedAttribute;
  if (reservedAttribute in {}) {
    return [
      `${variable} must not be a name that every JavaScript object has, got "${reservedAttribute}"`,
    ];
  }
  if (heartbeatKey === undefined) return [];
  const key = parseKey(heartbeatKey);
  if (key === undefined) return [`${VARIABLES.heartbeatKey} must be a key in DynamoDB's JSON`];
  return Object.hasOwn(key, reservedAttribute)
    ? [
        `${variable} must not be a key attribute, got "${reservedAttribute}", which ${VARIABLES.heartbeatKey} has`,
      ]
    : [];
}

function parseKey(json: string): object | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
