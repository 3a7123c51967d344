// The event source mappings that read the changes of a table for its function.

import {
  LambdaClient,
  paginateListEventSourceMappings,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { kinesisSourceArn } from '../config/change-source.ts';
import { functionName } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { EventSource, EventSources } from '../ports.ts';
import type { Access } from './access.ts';
import { clientSettings, serviceSettings } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';

/** What of a replication says which mappings are its own. */
type Mapped = Pick<ReplicationConfig, 'name'> & {
  readonly source: Pick<ReplicationConfig['source'], 'table'>;
};

export function lambdaEventSources(
  access: Access,
  replication: Mapped,
): EventSources & { close(): void } {
  const settings = clientSettings(serviceSettings(access, 'lambda'));
  const client = sdkClient(new LambdaClient({ ...settings, maxAttempts: 3 }), access);
  return {
    list: () => listStreams(client, replication),
    async setEnabled(UUID, Enabled) {
      await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
    },
    close: () => client.destroy(),
  };
}

async function listStreams(
  client: LambdaClient,
  { name, source: { table } }: Mapped,
): Promise<EventSource[]> {
  const FunctionName = functionName(name);
  const found: EventSource[] = [];
  for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings(
    { client },
    { FunctionName },
  )) {
    for (const mapping of EventSourceMappings) {
      const { UUID = '', State = '', LastProcessingResult = '', EventSourceArn = '' } = mapping;
      const streamArn = sourceArnOf(EventSourceArn, table);
      if (streamArn === undefined) continue;
      const facts = { id: UUID, state: State, lastResult: LastProcessingResult };
      const changedAtMs = mapping.LastModified?.getTime();
      found.push({ ...facts, streamArn, changedAtMs });
    }
  }
  return found;
}

/** As the control row lists it; undefined of what is no stream. */
function sourceArnOf(eventSourceArn: string, table: string): string | undefined {
  const service = eventSourceArn.split(':')[2];
  if (service === 'kinesis') return kinesisSourceArn(eventSourceArn, table);
  return service === 'dynamodb' ? eventSourceArn : undefined;
}

/** The mappings of the replicate function, read once. */
export async function eventSources(
  access: Access,
  replication: Mapped,
): Promise<readonly EventSource[]> {
  const sources = lambdaEventSources(access, replication);
  try {
    return await sources.list();
  } finally {
    sources.close();
  }
}
