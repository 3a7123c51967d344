// What a changed setting does to a replication that runs, by its path in ferry.json: the part of docs/settings.md
// that ferry.schema.json does not know.

export interface SettingChange {
  /**
   * `safe`: deploy it. `care`: more than a deployment, or a loss if it is done carelessly. `new`: what is there
   * ends, and something new begins. `never`: refused, or without a way back.
   */
  readonly kind: 'safe' | 'care' | 'new' | 'never';
  readonly effect: string;
}

function safe(effect: string): SettingChange {
  return { kind: 'safe', effect };
}

function care(effect: string): SettingChange {
  return { kind: 'care', effect };
}

function anew(effect: string): SettingChange {
  return { kind: 'new', effect };
}

function never(effect: string): SettingChange {
  return { kind: 'never', effect };
}

const COMMANDS_ONLY = safe('Only the commands read it. Nothing to deploy.');
const OTHER_KEY = never(
  'A table keeps its key. CloudFormation would replace the table, and fails because its name is taken. Use another table.',
);
const CREATE = care(
  'From true to false: the stack lets go of the table, and the table stays. From false to true: fails, because the name is taken. Import the table first: [Teardown](runbook.md#teardown).',
);
const TABLE_KEY = care(
  'The roles get access to the new key. A table with `create` is encrypted with it. The key of an existing table is changed in DynamoDB: keep both keys enabled until DynamoDB has finished. See [customer-keys.md](customer-keys.md).',
);
const RESOURCE_KEY = safe(
  'What is written from now on is encrypted with it. What was written before needs the old key: keep it enabled until nothing is left. See [customer-keys.md](customer-keys.md).',
);
const IN_PLACE = safe('The event source mapping is changed in place.');

export const SETTING_CHANGES: Readonly<Record<string, SettingChange>> = {
  $schema: safe('For editors only.'),
  name: anew(
    'Another replication over the same twin. Stacks of the old name stay and go on: follow [Changes that need care](runbook.md#changes-that-need-care).',
  ),
  'source.region': anew(
    'Another source, in new stacks. The old ones stay and go on. End the old replication first: [Teardown](runbook.md#teardown), then [Source replaced](runbook.md#source-replaced).',
  ),
  'source.table': care(
    'Another source: its records are held until `ferry adopt`. See [Source replaced](runbook.md#source-replaced). With `create`, a new, empty table is made, and the old one stays.',
  ),
  'source.streamArn': care(
    'The mapping is replaced and starts at the oldest record. A later stream of the same table: [Stream replaced](runbook.md#stream-replaced). Another table: [Source replaced](runbook.md#source-replaced).',
  ),
  'source.create': CREATE,
  'source.partitionKey': OTHER_KEY,
  'source.sortKey': OTHER_KEY,
  'source.kmsKeyArn': TABLE_KEY,
  'source.endpoint': safe('Must name the same table.'),
  'source.endpoints.cloudwatch': COMMANDS_ONLY,
  'source.endpoints.lambda': COMMANDS_ONLY,
  'source.endpoints.s3': COMMANDS_ONLY,
  'source.endpoints.sfn': COMMANDS_ONLY,
  'source.endpoints.sqs': COMMANDS_ONLY,
  'destination.region': anew(
    'Another twin and another, empty state table. The old ones stay. Records are held until `ferry adopt`: follow [Twin made anew](runbook.md#twin-made-anew).',
  ),
  'destination.table': anew(
    'Another twin, which has none of the earlier items. The function does not notice it: adopt at once, as in [Twin made anew](runbook.md#twin-made-anew).',
  ),
  'destination.create': CREATE,
  'destination.partitionKey': OTHER_KEY,
  'destination.sortKey': OTHER_KEY,
  'destination.kmsKeyArn': TABLE_KEY,
  'destination.endpoint': safe('Must name the same table.'),
  stateTable: care(
    'Another, empty state table: what was deleted is forgotten, and records are held until `ferry adopt`. Follow [Twin made anew](runbook.md#twin-made-anew). The old table stays.',
  ),
  ttlDeletes: safe(
    'For deletes from now on. After `skip`, items that expired meanwhile can be left on the twin: `ferry verify` finds them.',
  ),
  tombstones: care(
    'The two must not write at the same time. Follow [Changes that need care](runbook.md#changes-that-need-care).',
  ),
  systemicRejections: safe(
    'With `dead-letter`, what is held at that moment goes to the dead-letter queue.',
  ),
  unversionedItems: safe('For writes from now on. What was kept or replaced before stays so.'),
  reservedAttribute: never(
    'Under another name, all versions would be lost. The function holds every record. Make a new replication with a new twin.',
  ),
  timestampAttribute: safe('Changes how latency is measured, nothing else.'),
  bulk: safe('From true to false: the state machine is deleted. Let no bulk run be at work.'),
  'encryption.kmsKeyArn': RESOURCE_KEY,
  'encryption.destinationKmsKeyArn': TABLE_KEY,
  'encryption.deadLetterQueue': RESOURCE_KEY,
  'encryption.lookAgainQueue': RESOURCE_KEY,
  'encryption.onFailureBucket': RESOURCE_KEY,
  'encryption.alarmTopic': RESOURCE_KEY,
  'encryption.logGroups': RESOURCE_KEY,
  'encryption.functions': safe('The environment variables are encrypted again.'),
  'encryption.stateTable': TABLE_KEY,
  'heartbeat.key': safe(
    'The old item stays. Delete it at the source; its delete is replicated. Without `heartbeat`, its function, its rule and its alarms are deleted.',
  ),
  'alarms.email': safe('The new address must confirm its subscription.'),
  'alarms.latencySeconds': safe('The alarm changes at once.'),
  'alarms.runbook': safe('The texts of alarms and dashboard change.'),
  'eventSource.batchSize': IN_PLACE,
  'eventSource.maxBatchingWindowSeconds': IN_PLACE,
  'eventSource.parallelizationFactor': IN_PLACE,
  'eventSource.enabled': care(
    'With `false`, the replication stops, and the stream keeps what waits for 24 hours. For a pause, use `ferry pause`.',
  ),
  'eventSource.retryAttempts': care(
    'A limit makes Lambda give batches up to the bucket during an outage of the destination. They have to be redriven.',
  ),
  'eventSource.maxRecordAgeSeconds': care(
    'Lower: what is older goes to the bucket at once, and has to be redriven. Higher: less time is left before the stream drops records.',
  ),
  'function.memoryMiB': safe('The function is updated in place.'),
  'function.timeoutSeconds': care(
    'Higher: deploy. Lower: follow [Changes that need care](runbook.md#changes-that-need-care). The alarms look at more or fewer minutes.',
  ),
  'function.concurrency': safe('The function is updated in place.'),
  'function.httpClient': safe('Both carry the same requests.'),
  'function.logRetentionDays': safe('Lower: CloudWatch Logs deletes what is older.'),
};
