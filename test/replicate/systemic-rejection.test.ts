import { describe, expect, it } from 'vitest';
import {
  isSystemic,
  type RejectionStreak,
  streakAfter,
  SYSTEMIC_ITEMS_MIN,
  type Verdicts,
} from '../../src/replicate/systemic-rejection.ts';

const numbered = (count: number, from = 1) =>
  Array.from({ length: count }, (_, index) => String(from + index));
const batch = (accepted: number, rejected: Record<string, readonly string[]>): Verdicts => ({
  accepted,
  rejected: new Map(Object.entries(rejected).map(([reason, names]) => [reason, new Set(names)])),
});
const after = (...batches: Verdicts[]) =>
  batches.reduce<RejectionStreak | undefined>(streakAfter, undefined);

describe('a rejection is systemic', () => {
  it('when one reason has struck a hundred items', () => {
    expect(isSystemic(after(batch(0, { X: numbered(SYSTEMIC_ITEMS_MIN) })))).toBe(true);
    expect(isSystemic(after(batch(0, { X: numbered(SYSTEMIC_ITEMS_MIN - 1) })))).toBe(false);
  });

  it('when it has struck them over several batches in a row', () => {
    expect(
      isSystemic(after(batch(0, { X: numbered(60) }), batch(1, { X: numbered(60, 61) }))),
    ).toBe(true);
  });

  it('when it accounts for nine items of ten, and not when for fewer', () => {
    expect(isSystemic(after(batch(20, { X: numbered(180) })))).toBe(true);
    expect(isSystemic(after(batch(21, { X: numbered(180) })))).toBe(false);
    expect(isSystemic(after(batch(0, { X: numbered(180), Y: numbered(21, 181) })))).toBe(false);
  });

  it('and stays so while batches end without a verdict', () => {
    expect(isSystemic(after(batch(0, { X: numbered(100) }), batch(0, {})))).toBe(true);
  });
});

describe('a rejection is not systemic', () => {
  it('when one record that waits for its letter is delivered a hundred times', () => {
    const deliveries = Array.from({ length: 100 }, () => batch(0, { X: ['7'] }));

    expect(isSystemic(after(...deliveries))).toBe(false);
  });

  it('when one item is rejected with each of its hundred changes', () => {
    expect(isSystemic(after(batch(0, { X: Array.from({ length: 100 }, () => 'hot') })))).toBe(
      false,
    );
  });

  it('when a batch between was accepted', () => {
    const streak = after(
      batch(0, { X: numbered(60) }),
      batch(1, {}),
      batch(0, { X: numbered(60, 61) }),
    );

    expect(isSystemic(streak)).toBe(false);
  });

  it('when the reason has changed', () => {
    expect(
      isSystemic(after(batch(0, { X: numbered(60) }), batch(0, { Y: numbered(60, 61) }))),
    ).toBe(false);
  });

  it('any more, once a batch has been accepted', () => {
    expect(isSystemic(after(batch(0, { X: numbered(500) }), batch(10, {})))).toBe(false);
  });
});

it('remembers no more items than it takes', () => {
  expect(after(batch(0, { X: numbered(10_000) }))?.items.size).toBe(SYSTEMIC_ITEMS_MIN);
});
