// Numbers as people read them, with what they count. Never for JSON.

const GROUPED = new Intl.NumberFormat('en-US');

/** 12345 -> 12,345 */
export function grouped(value: number): string {
  return GROUPED.format(value);
}

/** "1 item", "2,000 items"; `many` where it is not made with an s. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${grouped(value)} ${value === 1 ? one : many}`;
}
