import { Problem } from './problem.ts';

const EPOCH_MS = /^-?\d{1,16}$/;

/** A date, or a date and time with its zone: without one, readers in different places differ. */
const ISO_INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/**
 * An instant of a query as UTC milliseconds: epoch milliseconds, `2026-03-01` (midnight UTC) or
 * `2026-03-01T10:00:00Z`.
 *
 * @throws {Problem} QUERY_INVALID
 */
export function parseInstant(text: string, name: string): number {
  if (EPOCH_MS.test(text)) return Number(text);
  // A plus sign that was not percent-encoded arrives as a space.
  const iso = text.replace(/ (?=\d{2}:\d{2}$)/, '+');
  const instantMs = ISO_INSTANT.test(iso) ? Date.parse(iso) : Number.NaN;
  if (Number.isNaN(instantMs)) {
    throw new Problem({
      code: 'QUERY_INVALID',
      detail: `${name}: expected epoch milliseconds, or an ISO 8601 date or time with zone such as 2026-03-01T10:00:00Z`,
    });
  }
  return instantMs;
}
