// The reader on the stream, as Lambda tells of it.

import { LambdaClient, paginateListEventSourceMappings } from '@aws-sdk/client-lambda';

export interface EventSource {
  readonly id: string;
  /** As Lambda has it: Enabled, Disabled, Creating, … */
  readonly state: string;
  readonly lastResult: string;
  readonly streamArn: string;
}

/** The mappings of a function whose sources are streams of tables. */
export async function eventSources(region: string, functionName: string): Promise<EventSource[]> {
  const client = new LambdaClient({ region, maxAttempts: 3 });
  const found: EventSource[] = [];
  try {
    const pages = paginateListEventSourceMappings({ client }, { FunctionName: functionName });
    for await (const { EventSourceMappings = [] } of pages) {
      for (const {
        UUID = '',
        State = '',
        LastProcessingResult = '',
        EventSourceArn = '',
      } of EventSourceMappings) {
        const facts = { id: UUID, state: State, lastResult: LastProcessingResult };
        if (EventSourceArn.includes(':dynamodb:'))
          found.push({ ...facts, streamArn: EventSourceArn });
      }
    }
    return found;
  } finally {
    client.destroy();
  }
}
