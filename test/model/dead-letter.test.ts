import { describe, expect, it } from 'vitest';
import { type DeadLetter, deadLetterMessage } from '../../src/model/dead-letter.ts';
import { lambdaRecord } from '../fixtures/records.ts';

const letter = (attributes: object, extra: object = {}): DeadLetter => {
  const record = lambdaRecord({ attributes });
  return {
    replication: 'orders',
    reason: { class: 'rejected', name: 'ValidationException', message: 'Type mismatch' },
    attempts: [{ at: '2026-01-31T11:59:59.000Z', error: 'ThrottlingException' }],
    failedAt: '2026-01-31T12:00:00.000Z',
    sequenceNumber: '7',
    version: '0001.x.7',
    key: { pk: { B: Buffer.from([255]) } },
    record: { ...record, dynamodb: { ...record.dynamodb, ...extra } },
  };
};

const limit = (sizeBytesMax: number) => ({ sizeBytesMax, objectKey: 'dead-letters/1.json' });

describe('deadLetterMessage', () => {
  it('keeps the record exactly, in plain ASCII', () => {
    const original = letter({
      text: { S: 'тест 日本 🚢 \u0000 \ud800' },
      bytes: { B: 'AP8=' },
      n: { N: '1E+2' },
    });

    const { body } = deadLetterMessage(original, limit(1_048_576));

    expect(body).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(body)).toEqual({
      schemaVersion: 1,
      format: 1,
      ...original,
      key: { pk: { B: '/w==' } },
    });
  });

  it('leaves out the old image when the message would be too long, and nothing else', () => {
    const original = letter(
      { text: { S: 'new' } },
      { OldImage: { text: { S: 'x'.repeat(1_000) } } },
    );

    const { body } = deadLetterMessage(original, limit(1_000));
    const { record } = JSON.parse(body) as { record: { dynamodb: object } };

    expect(body.length).toBeLessThanOrEqual(1_000);
    expect(record).toEqual(letter({ text: { S: 'new' } }).record);
  });

  it('points to an object with the record when even that would be too long', () => {
    const original = letter({ text: { S: 'тест'.repeat(300) } }, { OldImage: {} });

    const message = deadLetterMessage(original, limit(1_000));

    expect(JSON.parse(message.body)).toMatchObject({
      recordObject: 'dead-letters/1.json',
      sequenceNumber: '7',
    });
    expect(message.body.length).toBeLessThanOrEqual(1_000);
    expect(JSON.parse('record' in message ? message.record : '')).toEqual(
      letter({ text: { S: 'тест'.repeat(300) } }).record,
    );
  });

  it('uses the whole size that the queue allows, to the byte', () => {
    const { body } = deadLetterMessage(letter({ text: { S: 'x' } }), limit(1_048_576));

    expect(deadLetterMessage(letter({ text: { S: 'x' } }), limit(body.length))).not.toHaveProperty(
      'record',
    );
    expect(deadLetterMessage(letter({ text: { S: 'x' } }), limit(body.length - 1))).toHaveProperty(
      'record',
    );
  });

  it('never needs an object without its record, and cuts what a service says', () => {
    const { record: _, ...projected } = letter({});
    const reason = { ...projected.reason, message: 'x'.repeat(5_000) };

    const message = deadLetterMessage({ ...projected, reason }, limit(1));

    expect(message).not.toHaveProperty('record');
    expect(JSON.parse(message.body)).toMatchObject({
      version: '0001.x.7',
      reason: { message: 'x'.repeat(1_000) },
    });
    expect(JSON.parse(message.body)).not.toHaveProperty('recordObject');
  });
});
