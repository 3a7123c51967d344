// A table of an app's own, and its live copy in another Region.

import { App, Stack } from 'aws-cdk-lib';
import { AttributeType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Replication } from '@ferry-replicator/ferry';

const app = new App();
const stack = new Stack(app, 'Orders', { env: { region: 'us-east-1' } });
const source = new Table(stack, 'Table', {
  partitionKey: { name: 'pk', type: AttributeType.STRING },
  stream: StreamViewType.NEW_IMAGE,
});

new Replication(stack, 'Replication', {
  name: 'orders',
  source,
  destination: { region: 'eu-west-1', tableName: 'Orders' },
});
