import { expect, it } from 'vitest';
import { FerryError, namedError, noteRequest } from '../../src/errors.ts';
import { whatHappened } from '../../src/failures/what-happened.ts';

it('says of a request what happened to it, and of a bug its name', () => {
  const failure = Object.assign(namedError('ResourceNotFoundException'), { $metadata: {} });
  noteRequest(failure, {
    service: 'dynamodb',
    operation: 'GetItem',
    resource: 'Orders',
    region: 'us-east-1',
    endpoint: undefined,
  });

  expect(whatHappened(failure)).toBe('There is no table Orders in us-east-1');
  expect(whatHappened(new TypeError('x is not a function'))).toBe('TypeError: x is not a function');
});

it('leaves a refusal its own words, whatever its cause was', () => {
  const cause = namedError('ResourceNotFoundException');
  const refusal = new FerryError('The replication is not deployed.', { code: 'x', cause });

  expect(whatHappened(refusal)).toBe('The replication is not deployed');
});
