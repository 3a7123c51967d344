// A table of an app's own, and its twin in another Region.

import { App, Stack } from 'aws-cdk-lib';
import { AttributeType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Replication, ReplicationDestination } from '@ferry-replicator/ferry';

const app = new App();
const orders = new Stack(app, 'Orders', { env: { region: 'us-east-1' } });
const partitionKey = { name: 'pk', type: AttributeType.STRING };
const source = new Table(orders, 'Table', { partitionKey, stream: StreamViewType.NEW_IMAGE });

const twin = new Stack(app, 'OrdersTwin', { env: { region: 'eu-west-1' } });
const tableName = 'OrdersTwin';
const destination = new ReplicationDestination(twin, 'Orders', { tableName, partitionKey });
new Replication(orders, 'Orders', { source, destination });
