// Makes an SDK client note for each error which request failed: the errors themselves do not say it.

import { noteRequest } from '../errors.ts';
import { resourceOf, serviceOf } from '../failures/failed-request.ts';

/** Any client of the SDK. */
interface SdkClient {
  readonly config: { readonly region: () => Promise<string> };
  readonly middlewareStack: {
    add(middleware: never, options: { readonly step: 'initialize'; readonly name: string }): void;
  };
}

type Next = (args: { readonly input: object }) => Promise<unknown>;

/** What the SDK tells of a request; the endpoint is known only once it was resolved. */
interface RequestContext {
  readonly clientName?: string;
  readonly commandName?: string;
  readonly endpointV2?: { readonly url: URL };
}

/** @returns the same client. */
export function namingFailures<Client extends SdkClient>(client: Client): Client {
  const middleware =
    (next: Next, context: RequestContext): Next =>
    async (args) => {
      try {
        return await next(args);
      } catch (error) {
        noteRequest(error, {
          service: serviceOf(context.clientName ?? ''),
          operation: (context.commandName ?? '').replace(/Command$/, ''),
          resource: resourceOf(args.input),
          region: await client.config.region(),
          endpoint: context.endpointV2?.url.origin,
        });
        throw error;
      }
    };
  client.middlewareStack.add(middleware as never, { step: 'initialize', name: 'namingFailures' });
  return client;
}
