// The names of the queues of an account in a Region that begin alike.

import { paginateListQueues, type SQSClient } from '@aws-sdk/client-sqs';

export async function queuesLike(client: SQSClient, QueueNamePrefix: string): Promise<string[]> {
  const names: string[] = [];
  // Without a size of the page, SQS gives the first thousand only.
  for await (const { QueueUrls = [] } of paginateListQueues(
    { client, pageSize: 1_000 },
    { QueueNamePrefix },
  ))
    names.push(...QueueUrls.map((url) => url.replace(/^.*\//, '')));
  return names;
}
