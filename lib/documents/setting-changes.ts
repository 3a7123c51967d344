// What a changed setting does to a replication that runs, by its path in ferry.json: the last column of
// docs/settings.md, which explains the four words.

type SettingChange = `${'safe' | '**with care**' | '**something new**' | '**never**'}. ${string}`;

const COMMANDS_ONLY = 'safe. Only the commands read it. No deployment is needed.';
const OTHER_KEY =
  '**never**. A table keeps its key. CloudFormation would replace the table, and fails because its name is taken. Use another table.';
const CREATE =
  '**with care**. From true to false: the stack lets go of the table, and the table stays. From false to true: the deployment fails, because the name is taken. Import the table first: [Teardown](runbook.md#teardown).';
const TABLE_KEY =
  '**with care**. The roles get access to the new key. A table with `create` is encrypted with it. Change the key of an existing table in DynamoDB, and keep both keys enabled until DynamoDB has finished. See [customer-keys.md](customer-keys.md).';
const RESOURCE_KEY =
  'safe. New data is encrypted with it. Earlier data needs the old key: keep that key enabled until no such data is left. See [customer-keys.md](customer-keys.md).';
const IN_PLACE = 'safe. The event source mapping is updated in place.';
const ACCOUNT =
  '**something new**. Stacks are deployed to another account, and the old ones stay, and replicate. End the old replication first: [Teardown](runbook.md#teardown).';
const PROJECTION =
  '**with care**. Changes from now on are projected in the new way. Items that are not written again stay as they were, until `ferry backfill --reproject`. Follow [Projection changed](runbook.md#projection-changed).';
const FILTER =
  `${PROJECTION} The first one gives a source with \`create\` a stream with old images, which is another stream.` as const;
const HOMES =
  '**with care**. Homes move: fence the items that move, wait until they are drained, set `twoWay.home.since`, and deploy both directions. Follow [Both directions](runbook.md#both-directions).';
const FUNCTION_IN_PLACE = 'safe. The function is updated in place.';

export const SETTING_CHANGES: Readonly<Record<string, SettingChange>> = {
  $schema: 'safe. For editors only.',
  defaults:
    '**with care**. As each of its settings, for every replication that does not have its own. `ferry config --resolved` shows the result.',
  'fleet.email': 'safe. The new address must confirm its subscription in each Region.',
  'fleet.kmsKeyArn': RESOURCE_KEY,
  name: '**something new**. Another replication to the same twin. The stacks of the old name stay, and replicate: follow [Changes that need care](runbook.md#changes-that-need-care).',
  'source.region':
    '**something new**. Another source, in new stacks. The old stacks stay, and replicate. End the old replication first: [Teardown](runbook.md#teardown), then [Source replaced](runbook.md#source-replaced).',
  'source.table':
    '**with care**. Another source: its records are held until `ferry adopt`. See [Source replaced](runbook.md#source-replaced). With `create`, a new, empty table is created, and the old one stays.',
  'source.account': ACCOUNT,
  'source.profile': COMMANDS_ONLY,
  'source.kinesisStreamArn':
    '**with care**. Another place of the changes: [Change the source of the changes](runbook.md#change-the-source-of-the-changes)',
  'source.kinesisRetentionHours':
    '**with care**. Deploy a higher value before you prolong the retention of the Kinesis stream, and a lower one only after it has been shortened for as long as it was.',
  'source.kinesisKmsKeyArn':
    'safe. For permissions only: the Kinesis stream must be encrypted with it. Keep the earlier key enabled until the stream has forgotten what it encrypted.',
  'source.streamArn':
    '**with care**. The event source mapping is replaced, and starts at the oldest record. A later stream of the same table: [Stream replaced](runbook.md#stream-replaced). Another table: [Source replaced](runbook.md#source-replaced).',
  'source.create': CREATE,
  'source.partitionKey': OTHER_KEY,
  'source.sortKey': OTHER_KEY,
  'source.kmsKeyArn': TABLE_KEY,
  'source.endpoint': 'safe. It must be an endpoint of the same table.',
  'source.endpoints.cloudwatch': COMMANDS_ONLY,
  'source.endpoints.kinesis': COMMANDS_ONLY,
  'source.endpoints.lambda': COMMANDS_ONLY,
  'source.endpoints.s3': COMMANDS_ONLY,
  'source.endpoints.secretsmanager': COMMANDS_ONLY,
  'source.endpoints.sfn': COMMANDS_ONLY,
  'source.endpoints.sqs': COMMANDS_ONLY,
  'destination.region':
    '**something new**. Another twin and another, empty state table. The old ones stay. Records are held until `ferry adopt`: follow [Twin made anew](runbook.md#twin-made-anew).',
  'destination.table':
    '**something new**. Another twin, without any of the earlier items. The function does not notice it. Adopt at once, as in [Twin made anew](runbook.md#twin-made-anew).',
  'destination.account': ACCOUNT,
  'destination.profile': COMMANDS_ONLY,
  'destination.create': CREATE,
  'destination.partitionKey': OTHER_KEY,
  'destination.sortKey': OTHER_KEY,
  'destination.kmsKeyArn': TABLE_KEY,
  'destination.endpoint': 'safe. It must be an endpoint of the same table.',
  'destination.credentials.secret':
    'safe. The functions read the new secret. Keep the keys of the old one valid until they are deployed.',
  'destination.credentials.kmsKeyArn': 'safe. The roles get access to the new key.',
  stateTable:
    '**with care**. Another, empty state table: the tombstones are lost, and records are held until `ferry adopt`. Follow [Twin made anew](runbook.md#twin-made-anew). The old table stays.',
  ttlDeletes:
    'safe. It applies to deletes from now on. After `skip`, items that expired meanwhile can be left on the twin: `ferry verify` finds them.',
  tombstones:
    '**with care**. The two must not write at the same time. Follow [Changes that need care](runbook.md#changes-that-need-care).',
  systemicRejections:
    'safe. With `dead-letter`, records that are held at that moment go to the dead-letter queue.',
  unversionedItems:
    'safe. It applies to writes from now on. Items that were kept or replaced before do not change.',
  reservedAttribute:
    '**never**. Under another name, all versions would be lost. The function holds every record. Create a new replication with a new twin.',
  'projection.keepItems': FILTER,
  'projection.attributes.keepOnly': PROJECTION,
  'projection.attributes.drop': PROJECTION,
  'projection.attributes.hash': PROJECTION,
  'projection.attributes.rename': PROJECTION,
  'projection.attributes.set': PROJECTION,
  'projection.module': FILTER,
  deadLetters:
    'safe. It applies to changes that are put aside from now on. What is in the queue and in the bucket stays as it is.',
  timestampAttribute: 'safe. It changes only how latency is measured.',
  bulk: 'safe. From true to false: the state machine is deleted. Let no bulk run be in progress.',
  dashboard: 'safe. The dashboard is created or deleted.',
  operatorRole: 'safe. The roles of the operators are created or deleted.',
  'encryption.kmsKeyArn': RESOURCE_KEY,
  'encryption.destinationKmsKeyArn': TABLE_KEY,
  'encryption.deadLetterQueue': RESOURCE_KEY,
  'encryption.lookAgainQueue': RESOURCE_KEY,
  'encryption.onFailureBucket': RESOURCE_KEY,
  'encryption.alarmTopic': RESOURCE_KEY,
  'encryption.logGroups': RESOURCE_KEY,
  'encryption.functions': 'safe. The environment variables are encrypted again.',
  'encryption.stateTable': TABLE_KEY,
  'heartbeat.key':
    'safe. The old item stays. Delete it at the source; its delete is replicated. If you remove `heartbeat`, its function, rule and alarms are deleted.',
  'reconcile.every':
    'safe. It applies to the next run. If you remove `reconcile`, its state machine, rule and alarms are deleted. Reports stay in the bucket for 90 days.',
  'reconcile.sample': 'safe. It applies to the next run.',
  'reconcile.repair':
    '**with care**. The next run writes to the twin. Run `ferry verify` and `ferry repair` yourself first, and read what they list.',
  'reconcile.repairItemsMax': 'safe. It applies to the next run.',
  'reconcile.maxReadUnits': 'safe. It applies to the next run.',
  'switching.fence':
    '**with care**. Not while a switch is in progress, and only while the source is active. Remove the statements FerryFence and FerryInbound from the resource policies of both tables, if you change it to `application`.',
  'switching.markers': 'safe. It applies to the next switch.',
  'switching.layer':
    'safe. The functions for Region switch plans are updated. It applies to the next switch.',
  'switching.operatorRoles':
    'safe. It applies to the next switch. The fence of an earlier one stays as it is.',
  'switching.streamArn':
    '**with care**. As `source.streamArn`, for the other direction: [Stream replaced](runbook.md#stream-replaced).',
  'switching.stateTable':
    '**with care**. Another, empty table: the copy of the control row in the source Region is lost, and records are held. Follow [Twin made anew](runbook.md#twin-made-anew).',
  'switching.endpoints.cloudwatch': COMMANDS_ONLY,
  'switching.endpoints.kinesis': COMMANDS_ONLY,
  'switching.endpoints.lambda': COMMANDS_ONLY,
  'switching.endpoints.s3': COMMANDS_ONLY,
  'switching.endpoints.secretsmanager': COMMANDS_ONLY,
  'switching.endpoints.sfn': COMMANDS_ONLY,
  'switching.endpoints.sqs': COMMANDS_ONLY,
  'switching.tally.region':
    'safe. Applications must use the same table. Counts of the old one are lost.',
  'switching.tally.table':
    'safe. Applications must use the same table. Counts of the old one are lost.',
  direction:
    '**with care**. Follow [Both directions](runbook.md#both-directions), which has the order of the steps there and back.',
  'twoWay.mode':
    '**with care**. Versions of the two modes cannot be compared: raise `twoWay.epoch` with it, and follow [Both directions](runbook.md#both-directions).',
  'twoWay.home.rules': HOMES,
  'twoWay.home.otherwise': HOMES,
  'twoWay.home.since':
    'safe. Only for homes that move: changes before that time are not replicated from their new home.',
  'twoWay.epoch':
    '**with care**. The records of both directions are held until `ferry adopt` has opened the epoch in both. Applications with the plug-in need the same number.',
  'twoWay.losers':
    'safe. It applies to conflicts from now on. Objects that were kept stay for 30 days.',
  'twoWay.streamArn':
    '**with care**. As `source.streamArn`, for the other direction: [Stream replaced](runbook.md#stream-replaced).',
  'twoWay.stateTable':
    '**with care**. As `stateTable`, for the other direction. Follow [Twin made anew](runbook.md#twin-made-anew).',
  'twoWay.credentials.secret':
    'safe. The functions of the other direction read the new secret. Keep the keys of the old one valid until they are deployed.',
  'twoWay.credentials.kmsKeyArn': 'safe. The roles get access to the new key.',
  'twoWay.endpoints.cloudwatch': COMMANDS_ONLY,
  'twoWay.endpoints.kinesis': COMMANDS_ONLY,
  'twoWay.endpoints.lambda': COMMANDS_ONLY,
  'twoWay.endpoints.s3': COMMANDS_ONLY,
  'twoWay.endpoints.secretsmanager': COMMANDS_ONLY,
  'twoWay.endpoints.sfn': COMMANDS_ONLY,
  'twoWay.endpoints.sqs': COMMANDS_ONLY,
  'alarms.enabled': 'safe. The alarms are created or deleted.',
  'alarms.topicArn':
    'safe. The alarms notify the new topic. A topic that Ferry created is deleted, and with it its subscriptions.',
  'alarms.email': 'safe. The new address must confirm its subscription.',
  'alarms.latencySeconds': 'safe. The alarm changes at once.',
  'alarms.runbook': 'safe. The texts of alarms and dashboard change.',
  'eventSource.batchSize': IN_PLACE,
  'eventSource.maxBatchingWindowSeconds': IN_PLACE,
  'eventSource.parallelizationFactor': IN_PLACE,
  'eventSource.enabled':
    '**with care**. With `false`, the replication stops, and records wait in the stream for 24 hours. For a pause, use `ferry pause`.',
  'eventSource.retryAttempts':
    '**with care**. With a limit, Lambda gives batches up to the bucket during an outage of the destination. You have to redrive them.',
  'eventSource.maxRecordAgeSeconds':
    '**with care**. Lower: older records go to the bucket at once, and you have to redrive them. Higher: less time is left before the stream deletes records.',
  'function.memoryMiB': FUNCTION_IN_PLACE,
  'function.timeoutSeconds':
    '**with care**. Higher: deploy. Lower: follow [Changes that need care](runbook.md#changes-that-need-care). The number of minutes that the alarms look at changes.',
  'function.concurrency': FUNCTION_IN_PLACE,
  'function.httpClient': 'safe. Both send the same requests.',
  'function.architecture': FUNCTION_IN_PLACE,
  'function.runtime': FUNCTION_IN_PLACE,
  'function.logRetentionDays': 'safe. Lower: CloudWatch Logs deletes older events.',
};
