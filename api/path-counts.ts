import { PATHS_SQL } from '../processors/attribution/reads.ts';
import type { Row } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';
import {
  CHANNELS_MAX,
  CONVERSION,
  type ChannelSet,
  NULL,
  START,
  type Transition,
} from '../statistics/path-counts.ts';

/** Where paths are read from: event times of what ends them, and the settings of attribution. */
export interface PathRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly watermarkMs: number;
  readonly lookbackMs: number;
  readonly sessionGapMs: number;
  readonly currency: string;
}

/** Additive counts of all paths of a range. */
export interface PathCounts {
  readonly transitions: readonly Transition[];
  readonly sets: readonly ChannelSet[];
  readonly conversions: number;
  readonly nulls: number;
  /** Paths whose look-back is not over: they may still convert, and count nowhere yet. */
  readonly provisional: number;
  /** Conversions without a touch. */
  readonly unattributed: number;
}

/** What channels beyond the twelfth are together. */
const OTHER = 'other';

/** Counts the paths that ended in a range, from the raw events. */
export async function readPathCounts(engine: EnginePort, range: PathRange): Promise<PathCounts> {
  // Grouped by the whole path, so that sets and steps come from one reading of the events.
  const rows = await engine.query(PATHS_SQL, {
    from_ms: range.fromMs,
    to_ms: range.toMs,
    watermark_ms: range.watermarkMs,
    lookback_ms: range.lookbackMs,
    gap_ms: range.sessionGapMs,
    currency: range.currency,
  });
  const nameOf = namesOf(rows);
  return {
    transitions: transitionsOf(rows, nameOf),
    sets: setsOf(rows, nameOf),
    conversions: countOf(rows, 'conversion', false),
    nulls: countOf(rows, 'null', false),
    provisional: countOf(rows, 'provisional', false),
    unattributed: countOf(rows, 'conversion', true),
  };
}

/** The steps of all paths that have ended, from the start to the conversion or to nothing. */
function transitionsOf(
  rows: readonly Row[],
  nameOf: (channel: string) => string,
): readonly Transition[] {
  const steps = new Map<string, { from: string; to: string; count: number; valueMinor: number }>();
  for (const row of rows) {
    if (row['ending'] === 'provisional' || isEmpty(row)) continue;
    const end = row['ending'] === 'conversion' ? CONVERSION : NULL;
    const states = [START, ...channelsIn(row).map(nameOf), end];
    for (let index = 1; index < states.length; index += 1) {
      const from = states[index - 1] ?? START;
      const to = states[index] ?? end;
      const key = `${from}\n${to}`;
      const step = steps.get(key) ?? { from, to, count: 0, valueMinor: 0 };
      step.count += Number(row['paths']);
      if (to === CONVERSION) step.valueMinor += Number(row['value_minor']);
      steps.set(key, step);
    }
  }
  return [...steps.values()];
}

function setsOf(rows: readonly Row[], nameOf: (channel: string) => string): readonly ChannelSet[] {
  return rows
    .filter((row) => row['ending'] !== 'provisional' && !isEmpty(row))
    .map((row) => {
      const paths = Number(row['paths']);
      const hasConverted = row['ending'] === 'conversion';
      return {
        channels: [...new Set(channelsIn(row).map(nameOf))],
        conversions: hasConverted ? paths : 0,
        nulls: hasConverted ? 0 : paths,
      };
    });
}

function countOf(rows: readonly Row[], ending: string, isUntouched: boolean): number {
  return rows
    .filter((row) => row['ending'] === ending && isEmpty(row) === isUntouched)
    .reduce((sum, row) => sum + Number(row['paths']), 0);
}

/** The busiest channels keep their names; those beyond the limit are one. */
function namesOf(rows: readonly Row[]): (channel: string) => string {
  const paths = new Map<string, number>();
  for (const row of rows) {
    for (const channel of channelsIn(row)) {
      paths.set(channel, (paths.get(channel) ?? 0) + Number(row['paths']));
    }
  }
  if (paths.size <= CHANNELS_MAX) return (channel) => channel;
  const busiest = [...paths].toSorted((a, b) => b[1] - a[1]).slice(0, CHANNELS_MAX - 1);
  const kept = new Set([START, CONVERSION, NULL, ...busiest.map(([channel]) => channel)]);
  return (channel) => (kept.has(channel) ? channel : OTHER);
}

function channelsIn(row: Row): readonly string[] {
  return isEmpty(row) ? [] : String(row['joined']).split('\n');
}

function isEmpty(row: Row): boolean {
  return row['joined'] === '';
}
