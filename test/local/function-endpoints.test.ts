// The function that ships asks where the SDK's variables say, as every client of the SDK does.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { functionModule } from '../../src/package-files.ts';
import { startLambdaProcess } from '../../src/local/lambda/lambda-process.ts';
import { environmentOf } from '../fixtures/deployment.ts';
import { lambdaRecord } from '../fixtures/records.ts';

it.each(['signed', 'sdk'] as const)(
  'asks where AWS_ENDPOINT_URL_DYNAMODB says, with the "%s" client',
  async (httpClient) => {
    const heard = new Set<string>();
    const server = createServer((request, response) => {
      heard.add(String(request.headers['x-amz-target']));
      request.resume();
      response.writeHead(400, { 'x-amzn-requestid': '1' });
      response.end('{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no"}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const directory = mkdtempSync(join(tmpdir(), 'ferry-function-'));
    const lambda = startLambdaProcess({
      bundlePath: functionModule('replicate'),
      environment: {
        ...environmentOf({ httpClient }),
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
        AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      },
      timeoutSeconds: 60,
      onLogLine: () => undefined,
    });
    try {
      await lambda.invoke({ Records: [lambdaRecord({ id: 'a', sequenceNumber: '1' })] });

      expect([...heard]).toContain('DynamoDB_20120810.GetItem');
    } finally {
      await lambda.stop();
      server.closeAllConnections();
      server.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
