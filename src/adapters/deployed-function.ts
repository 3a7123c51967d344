// What a deployment made, read off the function that it deployed: its environment names the rest.

import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  ResourceNotFoundException,
} from '@aws-sdk/client-lambda';
import { functionName } from '../contract.ts';
import { FerryError } from '../errors.ts';
import { fromEnvironment, type HandlerSettings } from '../handler-settings.ts';

/**
 * The settings with which the replicate function of `replication` runs.
 * @throws FerryError `deployment.missing`, or what Lambda throws.
 */
export async function deployedSettings(
  region: string,
  replication: string,
): Promise<HandlerSettings> {
  const client = new LambdaClient({ region, maxAttempts: 3 });
  const FunctionName = functionName(replication);
  try {
    const { Environment } = await client.send(
      new GetFunctionConfigurationCommand({ FunctionName }),
    );
    return fromEnvironment(Environment?.Variables ?? {});
  } catch (cause) {
    if (!(cause instanceof ResourceNotFoundException)) throw cause;
    throw new FerryError(`There is no function ${FunctionName} in this account and Region.`, {
      code: 'deployment.missing',
      hint: 'Deploy it with `npx cdk deploy --all`, or choose other credentials.',
      cause,
    });
  } finally {
    client.destroy();
  }
}
