import { BANDS, type Band } from '../../../../processors/fulfilment/row.ts';
import { quantileOf } from '../../../../schemas/cycle-bins.ts';
import { HOUR_MS } from '../../../../schemas/time.ts';
import { wilsonInterval } from '../../../../schemas/wilson.ts';
import type { FulfilmentRow } from '../live/rows.ts';

/** How much of what was placed long enough ago was delivered within the hours of a band. */
export interface BandLevel {
  readonly band: Band;
  readonly share: number | undefined;
  /** Where the share lies; undefined while nothing is old enough. */
  readonly place: 'below' | 'inside' | 'above' | undefined;
}

/** The service of one zone over the hours shown. */
export interface ZoneLevel {
  readonly zone: string;
  readonly onTime: number;
  /** Promises that are kept or broken. */
  readonly decided: number;
  readonly pending: number;
  readonly late: number;
  /** Wilson's 95 % interval of the share on time; undefined while nothing is decided. */
  readonly interval: { readonly low: number; readonly high: number } | undefined;
  readonly bands: readonly BandLevel[];
  /** Median and 90th percentile from placing to delivery, milliseconds. */
  readonly medianMs: number | undefined;
  readonly slowMs: number | undefined;
}

const ZONES: readonly string[] = ['urban', 'suburban', 'rural'];
const MEDIAN = 0.5;
const SLOW = 0.9;

/** Adds the hours up per zone. An hour is over when the watermark has passed its end. */
export function serviceLevels(
  rows: Iterable<FulfilmentRow>,
  watermark: number | undefined,
): readonly ZoneLevel[] {
  const byZone = new Map<string, FulfilmentRow[]>();
  for (const row of rows) {
    const zone = row.zone === '' ? 'no zone' : row.zone;
    const known = byZone.get(zone);
    if (known === undefined) byZone.set(zone, [row]);
    else known.push(row);
  }
  return [...byZone]
    .map(([zone, found]) => zoneLevel(zone, found, watermark ?? Number.NEGATIVE_INFINITY))
    .toSorted((a, b) => rankOf(a) - rankOf(b) || (a.zone < b.zone ? -1 : 1));
}

function zoneLevel(zone: string, rows: readonly FulfilmentRow[], watermark: number): ZoneLevel {
  let onTime = 0;
  let late = 0;
  let pending = 0;
  const bins = new Map<number, number>();
  for (const row of rows) {
    if (row.bin !== '') {
      const bin = Number(row.bin);
      bins.set(bin, (bins.get(bin) ?? 0) + row.cycles);
      continue;
    }
    const open = row.due - row.on_time - row.delivered_late;
    const isOver = row.window_start + HOUR_MS <= watermark;
    onTime += row.on_time;
    late += row.delivered_late + (isOver ? open : 0);
    pending += isOver ? 0 : open;
  }
  const decided = onTime + late;
  return {
    zone,
    onTime,
    decided,
    pending,
    late,
    interval: wilsonInterval(onTime, decided),
    bands: BANDS.filter((band) => band.zone === zone).map((band) =>
      bandLevel(band, rows, watermark),
    ),
    medianMs: quantileOf(bins, MEDIAN),
    slowMs: quantileOf(bins, SLOW),
  };
}

function bandLevel(band: Band, rows: readonly FulfilmentRow[], watermark: number): BandLevel {
  let placed = 0;
  let delivered = 0;
  for (const row of rows) {
    if (row.window_start + HOUR_MS + band.hours * HOUR_MS > watermark) continue;
    placed += row.placed;
    delivered += row[`on_time_${band.hours}h`];
  }
  if (placed === 0) return { band, share: undefined, place: undefined };
  const share = delivered / placed;
  const place = share < band.low ? 'below' : share > band.high ? 'above' : 'inside';
  return { band, share, place };
}

function rankOf({ zone }: ZoneLevel): number {
  const rank = ZONES.indexOf(zone);
  return rank < 0 ? ZONES.length : rank;
}
