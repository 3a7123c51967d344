import { describe, expect, it } from 'vitest';
import { type DeadLetter, deadLetterBody } from '../../src/core/dead-letter.ts';
import { lambdaRecord } from '../fixtures/records.ts';

const letter = (attributes: object, extra: object = {}): DeadLetter => {
  const record = lambdaRecord({ attributes });
  return {
    replication: 'orders',
    reason: { name: 'ValidationException', message: 'Type mismatch' },
    failedAt: '2026-01-31T12:00:00.000Z',
    sequenceNumber: '7',
    version: '0001.x.7',
    key: { pk: { B: Buffer.from([255]) } },
    record: { ...record, dynamodb: { ...record.dynamodb, ...extra } },
  };
};

describe('deadLetterBody', () => {
  it('keeps the record exactly, in plain ASCII', () => {
    const original = letter({
      text: { S: 'тест 日本 🚢 \u0000 \ud800' },
      bytes: { B: 'AP8=' },
      n: { N: '1E+2' },
    });

    const body = deadLetterBody(original, 1_048_576);

    expect(body).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(body)).toEqual({
      schemaVersion: 1,
      ...original,
      key: { pk: { B: '/w==' } },
    });
  });

  it('leaves out the old image when the message would be too long, and nothing else', () => {
    const original = letter(
      { text: { S: 'new' } },
      { OldImage: { text: { S: 'x'.repeat(1_000) } } },
    );

    const body = deadLetterBody(original, 1_000);
    const { record } = JSON.parse(body) as { record: { dynamodb: object } };

    expect(body.length).toBeLessThanOrEqual(1_000);
    expect(record).toEqual(letter({ text: { S: 'new' } }).record);
  });
});
