// Where a queue is asked, and with which credentials. A queue's URL names a host, but what was configured for SQS
// comes first: an emulator's URL may name a host that only the function can reach.

import { type ClientSettings, clientSettings } from './client-settings.ts';

export interface QueueSettings extends ClientSettings {
  readonly queueUrl: string;
}

/** @param configured what environment or profile name for SQS; asked with the first request. */
export function queueSettings(
  { queueUrl, ...settings }: QueueSettings,
  configured: () => Promise<string | undefined>,
) {
  const { origin } = new URL(queueUrl);
  const { endpoint } = settings;
  return {
    ...clientSettings({ ...settings, endpoint: endpoint ?? origin }),
    endpoint: async () => ({ url: new URL(endpoint ?? (await configured()) ?? origin) }),
  };
}
