// The event source mappings that read a table's stream for a function.

import {
  LambdaClient,
  paginateListEventSourceMappings,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import type { EventSource, EventSources } from '../ports.ts';
import type { Access } from './access.ts';
import { clientSettings, serviceSettings } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';

export function lambdaEventSources(
  access: Access,
  FunctionName: string,
): EventSources & { close(): void } {
  const settings = clientSettings(serviceSettings(access, 'lambda'));
  const client = sdkClient(new LambdaClient({ ...settings, maxAttempts: 3 }), access);
  return {
    list: () => listStreams(client, FunctionName),
    async setEnabled(UUID, Enabled) {
      await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
    },
    close: () => client.destroy(),
  };
}

async function listStreams(client: LambdaClient, FunctionName: string): Promise<EventSource[]> {
  const found: EventSource[] = [];
  for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings(
    { client },
    { FunctionName },
  )) {
    for (const mapping of EventSourceMappings) {
      const { UUID = '', State = '', LastProcessingResult = '', EventSourceArn = '' } = mapping;
      if (!EventSourceArn.includes(':dynamodb:')) continue;
      const facts = { id: UUID, state: State, lastResult: LastProcessingResult };
      const changedAtMs = mapping.LastModified?.getTime();
      found.push({ ...facts, streamArn: EventSourceArn, changedAtMs });
    }
  }
  return found;
}

/** The mappings of a function, read once. */
export async function eventSources(
  access: Access,
  functionName: string,
): Promise<readonly EventSource[]> {
  const sources = lambdaEventSources(access, functionName);
  try {
    return await sources.list();
  } finally {
    sources.close();
  }
}
