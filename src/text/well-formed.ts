// Text that has bytes in UTF-8.

/** Whether it has no half of a surrogate pair, which is not a character: DynamoDB would store another one. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
