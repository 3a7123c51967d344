// Tables of one Region by requests that Ferry signs itself, for work whose processor time counts: a redrive
// of many records. Credentials and endpoint are those of an SDK client, wherever it has found them.

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { CredentialSource } from '../aws/access.ts';
import { keptCredentials } from '../aws/credential-source.ts';
import { configuredEndpoint } from '../aws/endpoints.ts';
import { dynamoDbEndpoint, signedRequests } from '../aws/signed/signed-requests.ts';
import { signedTwinWriter, signedItems, signedTwinReader } from '../aws/signed/signed-table.ts';
import { systemClock } from '../aws/system-clock.ts';
import { REQUEST_TIMEOUT_MS } from '../config/names.ts';
import { resourceOf } from '../failures/failed-request.ts';
import type { ReadRequest } from '../model/read-request.ts';
import type { WriteRequest } from '../model/write-request.ts';
import { noteRequest } from '../errors.ts';
import type { TwinWriter, ItemReader } from '../ports.ts';

export interface SignedTablesSetup {
  readonly region: string;
  readonly endpoint?: string | undefined;
  /** @default those of the client */
  readonly credentials?: CredentialSource | undefined;
  /** For the same Region. */
  readonly client: DynamoDBClient;
  /** Writes at the same time. */
  readonly concurrency: number;
}

export interface SignedTables {
  readonly twinWriter: TwinWriter;
  readonly items: (table: string) => ItemReader;
  close(): void;
}

function credentialsOf({ config }: DynamoDBClient): CredentialSource {
  return keptCredentials({ find: () => config.credentials(), clock: systemClock });
}

/** A batch of a hundred items has up to 16 MB. */
const READ_TIMEOUT_MS = 30_000;
const READS_AT_ONCE = 32;

export async function signedTables(setup: SignedTablesSetup): Promise<SignedTables> {
  const { region, client, concurrency } = setup;
  const options = {
    region,
    endpoint: setup.endpoint ?? (await configuredEndpoint(client)) ?? dynamoDbEndpoint(region),
    credentials: setup.credentials ?? credentialsOf(client),
    clock: systemClock,
  };
  const writes = signedRequests({ ...options, concurrency, timeoutMs: REQUEST_TIMEOUT_MS });
  const reads = signedRequests({
    ...options,
    concurrency: READS_AT_ONCE,
    timeoutMs: READ_TIMEOUT_MS,
  });
  const { endpoint } = options;
  const destination = signedTwinWriter(writes);
  const reader = signedTwinReader(reads);
  // The errors themselves do not say which request has failed.
  const noted = async <T>({ operation, input }: Request, send: () => Promise<T>): Promise<T> => {
    try {
      return await send();
    } catch (error) {
      const resource = resourceOf(input);
      noteRequest(error, { service: 'dynamodb', operation, resource, region, endpoint });
      throw error;
    }
  };
  const notedReader = {
    ...reader,
    read: (request: ReadRequest) => noted(request, () => reader.read(request)),
  };
  return {
    twinWriter: { write: (request) => noted(request, () => destination.write(request)) },
    items: (table) => signedItems(notedReader, table),
    close() {
      for (const requests of [writes, reads]) void requests.close();
    },
  };
}

type Request = Pick<ReadRequest | WriteRequest, 'operation' | 'input'>;
