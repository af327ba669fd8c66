import { createHash } from 'node:crypto';

import { parse } from 'secure-json-parse';

import { Problem } from './problem.ts';

/** Version of the cursor's form; another one is refused, not misread. */
const CURSOR_VERSION = 1;

/** Values of a row's order columns: where a page ended. */
export type Position = readonly (string | number | boolean)[];

/**
 * A page's end as text for `next_cursor`. It is bound to what was asked, so that it cannot continue
 * another question; its values only ever become bound parameters, so it needs no signature.
 *
 * @param question everything but limit and cursor that decides which rows there are and their order
 */
export function encodeCursor(position: Position, question: unknown): string {
  const content = JSON.stringify([CURSOR_VERSION, hashOf(question), ...position]);
  return Buffer.from(content).toString('base64url');
}

/** @throws {Problem} CURSOR_INVALID when the text is no cursor for this question */
export function decodeCursor(text: string, question: unknown, length: number): Position {
  const invalid = new Problem({
    code: 'CURSOR_INVALID',
    detail: 'Expected the next_cursor of an answer to the same question',
  });
  let content: unknown;
  try {
    content = parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    throw invalid;
  }
  if (!isList(content)) throw invalid;
  const [version, hash, ...position] = content;
  if (version !== CURSOR_VERSION || hash !== hashOf(question)) throw invalid;
  if (position.length !== length || !position.every(isPositionValue)) throw invalid;
  return position;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isPositionValue(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function hashOf(question: unknown): string {
  return createHash('sha256').update(JSON.stringify(question)).digest('base64url').slice(0, 16);
}
