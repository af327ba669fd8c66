import { InvalidArgumentError } from 'commander';

/** Reads an instant of the command line: epoch milliseconds or ISO 8601 (UTC without a zone). */
export function instantOption(text: string): number {
  const instantMs = /^\d+$/.test(text)
    ? Number(text)
    : Date.parse(/^\d{4}-\d{2}-\d{2}T[\d:.]+$/.test(text) ? `${text}Z` : text);
  if (!Number.isSafeInteger(instantMs)) {
    throw new InvalidArgumentError(
      'Expected ISO 8601 such as 2026-11-21T09:00Z, or epoch milliseconds.',
    );
  }
  return instantMs;
}
