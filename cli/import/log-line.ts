import { MINUTE_MS } from '../../schemas/time.ts';
import { calendarMs } from './local-time.ts';

/** One line of a log in Apache's combined format; what the log shows as `-` is undefined. */
export interface LogLine {
  readonly address: string;
  readonly timeMs: number;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly referrer: string | undefined;
  readonly userAgent: string | undefined;
}

export type LogLineResult =
  | { readonly kind: 'ok'; readonly line: LogLine }
  | {
      readonly kind: 'rejected';
      readonly code: 'IMPORT_LINE_MALFORMED' | 'IMPORT_TIME_INVALID';
      readonly expected: string;
    };

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * Reads `address identity user [time] "request" status bytes "referrer" "user agent"`; what follows
 * is ignored. One pass from left to right: no line can make it slow.
 *
 * @see Apache HTTP Server 2.4 manual, "Log Files", combined log format
 */
export function parseLogLine(text: string): LogLineResult {
  const addressEnd = text.indexOf(' ');
  const timeStart = text.indexOf(' [', addressEnd);
  const timeEnd = text.indexOf('] "', timeStart);
  if (addressEnd < 1 || timeStart < 0 || timeEnd < 0)
    return malformed('an address and a time in brackets');
  const timeMs = parseLogTime(text.slice(timeStart + 2, timeEnd));
  if (timeMs === undefined) {
    return {
      kind: 'rejected',
      code: 'IMPORT_TIME_INVALID',
      expected: 'a time such as 17/May/2015:10:05:03 +0000',
    };
  }
  const request = quotedAt(text, timeEnd + 2);
  if (request === undefined) return malformed('a request in quotes');
  const status = text.slice(request.end + 1, request.end + 4);
  const sizeEnd = text.indexOf(' ', request.end + 5);
  const referrer = sizeEnd < 0 ? undefined : quotedAt(text, sizeEnd + 1);
  const userAgent = referrer === undefined ? undefined : quotedAt(text, referrer.end + 1);
  if (referrer === undefined || userAgent === undefined || !/^\d{3}$/.test(status)) {
    return malformed('status, size, referrer and user agent after the request');
  }
  const [method = '', target = ''] = request.text.split(' ');
  if (method === '' || target === '') return malformed('a request of a method and a target');
  return {
    kind: 'ok',
    line: {
      address: text.slice(0, addressEnd),
      timeMs,
      method,
      target,
      status: Number(status),
      referrer: presentOf(referrer.text),
      userAgent: presentOf(userAgent.text),
    },
  };
}

function malformed(expected: string): LogLineResult {
  return { kind: 'rejected', code: 'IMPORT_LINE_MALFORMED', expected };
}

function presentOf(text: string): string | undefined {
  return text === '-' || text === '' ? undefined : text;
}

/** The text in quotes that starts at `start`, its escapes undone, and where the closing quote's successor stands. */
function quotedAt(
  text: string,
  start: number,
): { readonly text: string; readonly end: number } | undefined {
  if (text[start] !== '"') return undefined;
  let at = start + 1;
  let hasEscapes = false;
  while (at < text.length && text[at] !== '"') {
    if (text[at] === '\\') {
      hasEscapes = true;
      at += 1;
    }
    at += 1;
  }
  if (at >= text.length) return undefined;
  const inside = text.slice(start + 1, at);
  return { text: hasEscapes ? inside.replaceAll(/\\(["\\])/g, '$1') : inside, end: at + 1 };
}

const LOG_TIME = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/;

/** UTC milliseconds of `17/May/2015:10:05:03 +0000`; undefined when it is no such time. */
function parseLogTime(text: string): number | undefined {
  const match = LOG_TIME.exec(text);
  if (match === null) return undefined;
  const [, day, month, year, hour, minute, second, sign, zoneHours, zoneMinutes] = match;
  const localMs = calendarMs({
    year: Number(year),
    month: MONTHS.indexOf(month ?? '') + 1,
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
  });
  if (localMs === undefined) return undefined;
  const offsetMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * MINUTE_MS;
  return sign === '-' ? localMs + offsetMs : localMs - offsetMs;
}
