import { erase } from '../schemas/brand.ts';
import type { Setting } from './setting.ts';

type Fields = Readonly<Record<string, Setting<unknown>>>;

/** One entry of a list of records: the value of each field. */
export type RecordOf<Of extends Fields> = {
  readonly [Name in keyof Of]: Of[Name] extends Setting<infer Value> ? Value : never;
};

/** A field that has to be given: it has no value of its own. */
export function required<Value>(setting: Setting<Value>): Setting<Value> & { isRequired: true } {
  return { ...setting, isRequired: true };
}

/**
 * A list of records with these fields, empty by default. In a variable: JSON.
 *
 * @param options.countMax most entries
 * @param options.problemOf what is wrong with the entries together; undefined when nothing is
 */
export function records<Of extends Fields>(
  fields: Of,
  options: {
    readonly countMax: number;
    readonly problemOf: (entries: readonly RecordOf<Of>[]) => string | undefined;
  },
): Setting<readonly RecordOf<Of>[]> {
  const read = (
    raw: unknown,
  ): { entries: readonly RecordOf<Of>[]; problem: string | undefined } => {
    if (!Array.isArray(raw) || raw.length > options.countMax) {
      return { entries: [], problem: `: expected a list of at most ${options.countMax} entries` };
    }
    const problems = raw.flatMap((entry, index) => problemsIn(entry, fields, index));
    if (problems.length > 0) return { entries: [], problem: problems.join('; ') };
    const entries = Object.freeze(raw.map((entry) => recordOf(entry, fields)));
    const together = options.problemOf(entries);
    return { entries, problem: together === undefined ? undefined : `: ${together}` };
  };
  const parse = (raw: unknown): readonly RecordOf<Of>[] | undefined => {
    const { entries, problem } = read(raw);
    return problem === undefined ? entries : undefined;
  };
  const problemOf = (raw: unknown): string | undefined => read(raw).problem;
  return {
    kind: 'setting',
    initial: Object.freeze([]),
    allowed: `a list of entries with ${Object.keys(fields).join(', ')}`,
    parse,
    parseText: (text) => parse(jsonIn(text)),
    problemOf: (raw) => problemOf(typeof raw === 'string' ? jsonIn(raw) : raw),
    isSecret: false,
  };
}

function problemsIn(entry: unknown, fields: Fields, index: number): readonly string[] {
  if (!isMapping(entry)) return [`[${index}]: expected ${Object.keys(fields).join(', ')}`];
  const unknown = Object.keys(entry)
    .filter((name) => fields[name] === undefined)
    .map((name) => `[${index}].${name}: unknown`);
  const wrong = Object.entries(fields).flatMap(([name, field]) => {
    const raw = entry[name];
    const isGiven = raw !== undefined && raw !== null;
    const isFine = isGiven ? field.parse(raw) !== undefined : !('isRequired' in field);
    return isFine ? [] : [`[${index}].${name}: expected ${field.allowed}`];
  });
  return [...unknown, ...wrong];
}

/** The entry, after `problemsIn` has found none. */
function recordOf<Of extends Fields>(entry: unknown, fields: Of): RecordOf<Of> {
  const given = isMapping(entry) ? entry : {};
  // Built field by field from the settings that the type is derived from.
  return erase(
    Object.freeze(
      Object.fromEntries(
        Object.entries(fields).map(([name, field]) => {
          const raw = given[name];
          return [name, raw === undefined || raw === null ? field.initial : field.parse(raw)];
        }),
      ),
    ),
  );
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isMapping(raw: unknown): raw is Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}
