// The format of what Ferry stores or sends, for readers. What 0.2.0 wrote has none, and is read as format 1.

/** The one format that there is so far. */
export const STORED_FORMAT = 1;

/** Why a stored form cannot be read; undefined where it can be. */
export function formatProblem(format: unknown): string | undefined {
  if (format === undefined || format === STORED_FORMAT) return undefined;
  const isNumber = typeof format === 'number' && Number.isInteger(format);
  const found = isNumber ? format : 'unreadable';
  return `its format is ${found}; this release reads ${STORED_FORMAT}`;
}
