// A state machine in Step Functions: runs are started, and asked how they are.

import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  ListExecutionsCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { BulkRuns, BulkRunState } from '../ports.ts';
import { type ClientSettings, clientSettings } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';

const TIMEOUT_MS = 20_000;

/** Rejects with the service's or the network's own errors. */
export function stepFunctions(client: SFNClient, stateMachineArn: string): BulkRuns {
  const inTime = () => ({ abortSignal: AbortSignal.timeout(TIMEOUT_MS) });
  const describe = async (executionArn: string) => {
    try {
      return await client.send(new DescribeExecutionCommand({ executionArn }), inTime());
    } catch (failure) {
      if (!(failure instanceof ExecutionDoesNotExist)) throw failure;
      return { status: 'FORGOTTEN', error: undefined, cause: failure.message };
    }
  };
  return {
    async start(name, input) {
      try {
        const { executionArn = '' } = await client.send(
          new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }),
          inTime(),
        );
        return executionArn;
      } catch (error) {
        // A repetition of a request whose answer was lost.
        if (!(error instanceof ExecutionAlreadyExists)) throw error;
        return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
      }
    },
    async running(prefix) {
      let nextToken: string | undefined;
      do {
        const page = await client.send(
          new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING', nextToken }),
          inTime(),
        );
        const found = page.executions?.find(({ name = '' }) => name.startsWith(prefix));
        if (found?.executionArn !== undefined) return found.executionArn;
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return undefined;
    },
    async state(executionArn): Promise<BulkRunState> {
      const { status, error, cause } = await describe(executionArn);
      if (status === 'SUCCEEDED') return { kind: 'succeeded' };
      if (status === 'RUNNING' || status === 'PENDING_REDRIVE') return { kind: 'running' };
      return { kind: 'failed', why: [status, error, cause].filter(Boolean).join(': ') };
    },
  };
}

export function stepFunctionsClient(settings: ClientSettings): SFNClient {
  return sdkClient(new SFNClient({ ...clientSettings(settings), maxAttempts: 3 }), settings);
}
