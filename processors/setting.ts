import {
  DAY_MS,
  type DurationMs,
  HOUR_MS,
  MINUTE_MS,
  SECOND_MS,
  durationMs,
} from '../schemas/time.ts';
import { nearestOf } from './nearest-name.ts';

/** One value that a user may set, and how it is read. */
export interface Setting<Value> {
  readonly kind: 'setting';
  /** What applies when nobody sets it. */
  readonly initial: Value;
  /** What is accepted, to complete the sentence "expected …". */
  readonly allowed: string;
  /** Reads a value of the YAML file; undefined when it is not allowed. */
  readonly parse: (raw: unknown) => Value | undefined;
  /** Reads the text of an environment variable; undefined when it is not allowed. */
  readonly parseText: (text: string) => Value | undefined;
  /** Where in a value with parts the fault lies, to follow the path; `parse` has refused it. */
  readonly problemOf?: (raw: unknown) => string | undefined;
  /** A value that no message may show, and that a file of its own may hold. */
  readonly isSecret: boolean;
}

/** Both ends are allowed. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Bytes in one KiB and one MiB. */
export const KIB = 1_024;
export const MIB = 1_024 * KIB;

const BYTES_OF_UNIT = new Map([
  ['B', 1],
  ['KiB', KIB],
  ['MiB', MIB],
]);
const MS_OF_UNIT = new Map([
  ['ms', 1],
  ['s', SECOND_MS],
  ['m', MINUTE_MS],
  ['h', HOUR_MS],
  ['d', DAY_MS],
]);
/** Longest piece of an unknown name that a message repeats, in UTF-16 units. */
const NAME_SHOWN_MAX = 40;
const WHOLE_NUMBER = /^\d{1,15}$/;

/** Text that is safe as a name anywhere. */
export function isPlainName(value: string): boolean {
  return /^[A-Za-z0-9._-]{1,100}$/.test(value);
}

/** Text that `accepts`. */
export function text(
  initial: string,
  allowed: string,
  accepts: (value: string) => boolean,
): Setting<string> {
  const parse = (raw: unknown): string | undefined =>
    typeof raw === 'string' && accepts(raw) ? raw : undefined;
  return { kind: 'setting', initial, allowed, parse, parseText: parse, isSecret: false };
}

/** Text that `accepts`, absent by default. */
export function optionalText(
  allowed: string,
  accepts: (value: string) => boolean,
): Setting<string | undefined> {
  return { ...text('', allowed, accepts), initial: undefined };
}

/** Text that `accepts`, absent by default and never shown. */
export function secret(
  allowed: string,
  accepts: (value: string) => boolean,
): Setting<string | undefined> {
  return { ...text('', allowed, accepts), initial: undefined, isSecret: true };
}

/** A whole number within `range`. */
export function integer(initial: number, range: Range): Setting<number> {
  const allowed = `a whole number from ${range.min} to ${range.max}`;
  return numeric(initial, allowed, (raw) => within(raw, range));
}

/** A part of a whole within `range`, such as 0.1. */
export function share(initial: number, range: Range): Setting<number> {
  return real(initial, `a share from ${range.min} to ${range.max}`, range);
}

/** What something adds to a score. */
export function weight(initial: number): Setting<number> {
  const range = { min: -10, max: 10 };
  return real(initial, `a weight from ${range.min} to ${range.max}`, range);
}

function real(initial: number, allowed: string, range: Range): Setting<number> {
  const parse = (raw: unknown): number | undefined =>
    typeof raw === 'number' && raw >= range.min && raw <= range.max ? raw : undefined;
  return {
    kind: 'setting',
    initial,
    allowed,
    parse,
    parseText: (value) => (value.trim() === '' ? undefined : parse(Number(value))),
    isSecret: false,
  };
}

/** A size in bytes within `range`: a number, or text such as `8 MiB`. */
export function bytes(initial: number, range: Range): Setting<number> {
  const allowed = `a size such as 8 MiB or 512 KiB, or whole bytes, from ${range.min} to ${range.max} bytes`;
  return numeric(initial, allowed, (raw) => within(withUnit(raw, BYTES_OF_UNIT), range));
}

/** A length of time within `range`, each given as text such as `24h`, or as whole milliseconds. */
export function duration(
  initial: string,
  range: { readonly min: string; readonly max: string },
): Setting<DurationMs> {
  const bounds = { min: milliseconds(range.min), max: milliseconds(range.max) };
  const allowed = `a duration such as 50ms, 60s, 30m, 24h or 14d, or whole milliseconds, from ${range.min} to ${range.max}`;
  return numeric(milliseconds(initial), allowed, (raw) => {
    const value = within(withUnit(raw, MS_OF_UNIT), bounds);
    return value === undefined ? undefined : durationMs(value);
  });
}

/** One of `options`. */
export function choice<const Option extends string>(
  initial: Option,
  options: readonly Option[],
): Setting<Option> {
  const parse = (raw: unknown): Option | undefined => options.find((option) => option === raw);
  const allowed = `one of ${options.join(', ')}`;
  return { kind: 'setting', initial, allowed, parse, parseText: parse, isSecret: false };
}

/** True or false. */
export function flag(initial: boolean): Setting<boolean> {
  const parse = (raw: unknown): boolean | undefined => (typeof raw === 'boolean' ? raw : undefined);
  const parseText = (value: string): boolean | undefined =>
    value === 'true' || (value === 'false' ? false : undefined);
  return { kind: 'setting', initial, allowed: 'true or false', parse, parseText, isSecret: false };
}

/** Some of `options`, at least one and each once, all by default. In a variable: joined by commas. */
export function choices<const Option extends string>(
  options: readonly Option[],
): Setting<readonly Option[]> {
  const parse = (raw: unknown): readonly Option[] | undefined => {
    if (!Array.isArray(raw) || raw.length === 0) return undefined;
    const chosen = raw.flatMap((entry) => options.find((option) => option === entry) ?? []);
    return new Set(chosen).size === raw.length ? Object.freeze(chosen) : undefined;
  };
  const allowed = `a list of some of ${options.join(', ')}, each once`;
  return {
    kind: 'setting',
    initial: Object.freeze([...options]),
    allowed,
    parse,
    parseText: (value) => parse(partsOf(value)),
    problemOf: (raw) => {
      const entries: readonly unknown[] =
        typeof raw === 'string' ? partsOf(raw) : Array.isArray(raw) ? raw : [];
      const unknown = entries.find((entry) => !options.some((option) => option === entry));
      if (typeof unknown !== 'string') return undefined;
      const nearest = nearestOf(unknown, options);
      const meant = nearest === undefined ? '' : `; did you mean ${nearest}?`;
      return `: ${unknown.slice(0, NAME_SHOWN_MAX)} is none of ${options.join(', ')}${meant}`;
    },
    isSecret: false,
  };
}

/** The entries of a list in a variable. */
function partsOf(value: string): readonly string[] {
  return value.split(',').map((entry) => entry.trim());
}

/** A list of one or more texts that `accepts` each, absent by default. In a variable: joined by commas. */
export function optionalTexts(
  allowed: string,
  accepts: (value: string) => boolean,
): Setting<readonly string[] | undefined> {
  const parse = (raw: unknown): readonly string[] | undefined => {
    if (!Array.isArray(raw) || raw.length === 0) return undefined;
    const taken = raw.filter((entry) => typeof entry === 'string' && accepts(entry));
    return taken.length === raw.length ? Object.freeze(taken) : undefined;
  };
  return {
    kind: 'setting',
    initial: undefined,
    allowed,
    parse,
    parseText: (value) => parse(partsOf(value)),
    isSecret: false,
  };
}

function numeric<Value extends number>(
  initial: Value,
  allowed: string,
  parse: (raw: unknown) => Value | undefined,
): Setting<Value> {
  const parseText = (value: string): Value | undefined =>
    parse(WHOLE_NUMBER.test(value) ? Number(value) : value);
  return { kind: 'setting', initial, allowed, parse, parseText, isSecret: false };
}

function within(raw: unknown, range: Range): number | undefined {
  if (typeof raw !== 'number' || !Number.isSafeInteger(raw)) return undefined;
  return raw >= range.min && raw <= range.max ? raw : undefined;
}

/** Turns `8 MiB` or `24h` into a number; anything else comes back as it is. */
function withUnit(raw: unknown, units: ReadonlyMap<string, number>): unknown {
  if (typeof raw !== 'string') return raw;
  const match = /^(\d{1,15}) ?([A-Za-z]+)$/.exec(raw);
  const unit = units.get(match?.[2] ?? '');
  return unit === undefined ? raw : Number(match?.[1]) * unit;
}

function milliseconds(value: string): DurationMs {
  return durationMs(Number(withUnit(value, MS_OF_UNIT)));
}
