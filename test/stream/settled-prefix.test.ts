import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SettledPrefix } from '../../src/stream/settled-prefix.ts';

describe('the settled prefix of a shard', () => {
  it('ends before the first record that is open', () => {
    const prefix = new SettledPrefix('1');
    for (const number of ['2', '3', '4', '5']) prefix.receive(number);

    expect(prefix.settle(['3', '5'])).toBe(false);
    expect(prefix.last).toBe('1');
    expect(prefix.settle(['2'])).toBe(true);
    expect(prefix.last).toBe('3');
    expect(prefix.isWhole).toBe(false);
    expect(prefix.settle(['4'])).toBe(true);
    expect(prefix.last).toBe('5');
    expect(prefix.isWhole).toBe(true);
  });

  it('is undefined, and whole, where nothing was received', () => {
    const prefix = new SettledPrefix();

    expect(prefix.settle([])).toBe(false);
    expect([prefix.last, prefix.isWhole]).toEqual([undefined, true]);
  });

  it('never passes an open record, and passes all others, in whatever order they are settled', () => {
    const order = fc.integer({ min: 0, max: 3_000 }).chain((count) =>
      fc.shuffledSubarray(
        Array.from({ length: count }, (_, index) => index + 1),
        { minLength: count },
      ),
    );
    fc.assert(
      fc.property(order, fc.integer({ min: 1, max: 500 }), (numbers, size) => {
        const prefix = new SettledPrefix();
        const settled = new Set<number>();
        let received = 0;
        const receive = (upTo: number) => {
          for (; received < upTo; received += 1) prefix.receive(String(received + 1));
        };
        for (let from = 0; from < numbers.length; from += size) {
          const piece = numbers.slice(from, from + size);
          receive(Math.max(...piece, received));
          prefix.settle(piece.map(String));
          for (const number of piece) settled.add(number);
          let expected = 0;
          while (settled.has(expected + 1)) expected += 1;
          expect(Number(prefix.last ?? 0)).toBe(expected);
          expect(prefix.isWhole).toBe(expected === received);
        }
      }),
      { numRuns: 60 },
    );
  });
});
