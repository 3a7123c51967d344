// A line per replication and a total, on terminals of any width.

import { describe, expect, it } from 'vitest';
import { fleetScreen } from '../../src/cli/fleet-screen.ts';
import { row, unread } from '../fixtures/fleet-rows.ts';

describe('the screen', () => {
  const rows = [
    row('orders'),
    row('users', { level: 'behind', text: 'by 3 min', oldestMs: 180_000, deadLetters: 1_234 }),
    row('carts', unread),
  ];

  it('has a line for each, and a total', () => {
    expect(fleetScreen(rows)).toEqual([
      'verdict     replication  oldest  dead letters     p99',
      'unreadable  carts             -             -       -  These credentials may not call lambda:GetFunctionConfiguration',
      'behind      users         3 min         1,234  850 ms  by 3 min',
      'healthy     orders            -             0  850 ms  p99 latency is 850 ms',
      '',
      '3 replications: 1 unreadable, 1 behind, 1 healthy. 1,234 dead letters.',
      '`ferry status --replication NAME` shows all figures of one.',
      '',
    ]);
  });

  it.each([40, 60, 80, 200])('fits a terminal of %i columns', (width) => {
    const lines = fleetScreen(rows, width);

    expect(lines.filter((line) => line.length > width)).toEqual([]);
    expect(lines[1]?.startsWith('unreadable  carts')).toBe(true);
    expect(lines[1]?.endsWith('…')).toBe(width < 120);
    expect(lines[3]).toContain('healthy     orders');
    expect(lines.join(' ')).toContain('1,234 dead letters.');
  });

  it('shows the worst on a terminal with few lines, and counts the others', () => {
    const many = [
      ...Array.from({ length: 50 }, (_, index) => row(`r${index}`)),
      row('bad', unread),
    ];
    const lines = fleetScreen(many, 80, 24);

    expect(lines.length).toBeLessThan(24);
    expect(lines[1]).toContain('unreadable  bad');
    expect(lines).toContain('and 35 more');
    expect(lines.join(' ')).toContain('51 replications: 1 unreadable, 50 healthy.');
    expect(fleetScreen(many, 80, 5)[1]).toContain('unreadable  bad');
    expect(fleetScreen(many, 80, 58)).toEqual(fleetScreen(many, 80));
  });
});
