import { ALERTS, type AlertKind, type AlertOwners, alertValues } from '../../schemas/alert.ts';
import { HOUR_MS, MINUTE_MS, minuteText } from '../../schemas/time.ts';
import {
  type Incident,
  type IncidentChange,
  acknowledgementOf,
  alertIdOf,
  changedIncidents,
  incidentsOf,
  withAcknowledgement,
} from '../engine/operator/incident.ts';
import { type Operator, type Output, defineOperator } from '../engine/operator/operator.ts';
import { JUDGED_HOURS, bandFactIn } from './band-fact.ts';
import {
  type BandLevel,
  type BrokenBand,
  brokenBandsOf,
  countFact,
  createBandLevel,
  firstHourOf,
  nextChangeAfter,
  settleBand,
} from './band-level.ts';
import { BANDS, type Band } from './row.ts';

/** What the band operator may be told. */
export interface BandConfig {
  /** How far behind the watermark an event may still arrive, milliseconds. */
  readonly allowedLatenessMs: number;
  readonly owners: AlertOwners;
}

/** A band's level with how far it has been judged; a key that is no zone has none. */
interface JudgedBand {
  readonly level: BandLevel;
  /** Full hour, counted from the epoch, until which incidents have been written. */
  judgedHour: number;
  /** The next wake that was asked for; 0 when none is. */
  wakeMs: number;
}

/**
 * Hours kept per band at which something changes: those of the allowed lateness and of the orders under
 * way are a few hundred. Beyond it, as in an import of years at once, the oldest can no longer be corrected.
 */
const CHANGES_MAX = 2_000;

/** Rough sizes for the memory bound. */
const BAND_BYTES = 400;
const CHANGE_BYTES = 60;

const KIND = 'delivery_late' satisfies AlertKind;

/** Judges every hour whether a zone's orders are delivered as soon as its bands mean, and opens incidents. */
export function createBandOperator(config: BandConfig): Operator {
  return defineOperator<JudgedBand[]>({
    name: 'delivery-bands',
    stage: 'sku',
    stateVersion: 1,
    createState: () => [],
    apply: {
      'weir.internal.sku': (state, event, output, { watermarkMs }) => {
        if (event.kind !== 'promised' && event.kind !== 'acknowledged') return;
        for (const band of BANDS) {
          if (band.zone !== event.sku) continue;
          const judged = bandIn(state, band.hours);
          const place = { band, config, output, watermarkMs };
          if (event.kind === 'promised') {
            const fact = bandFactIn(event);
            if (fact === undefined) continue;
            const fromHour = firstHourOf(judged.level, fact);
            if (fromHour <= judged.level.settledHour) output.count('FULFILMENT_BAND_TOO_OLD');
            judging(judged, { ...place, fromHour }, () => {
              countFact(judged.level, fact, event.demand);
            });
          } else {
            const taken = acknowledgementOf(event, entityOf(band));
            if (taken?.kind !== KIND) continue;
            judging(judged, { ...place, fromHour: 0 }, () => {
              const { level } = judged;
              level.acknowledgements = withAcknowledgement(level.acknowledgements, taken);
            });
          }
        }
      },
    },
    wake: (state, zone, output, { watermarkMs }) => {
      let hasChanged = false;
      for (const judged of state) {
        if (judged.wakeMs === 0 || judged.wakeMs > watermarkMs) continue;
        const { hours } = judged.level;
        const band = BANDS.find((each) => each.zone === zone && each.hours === hours);
        if (band === undefined) continue;
        judging(judged, { band, config, output, watermarkMs, fromHour: 0 }, () => undefined);
        hasChanged = true;
      }
      return hasChanged;
    },
    // The zones are few, and their incidents go on until an hour ends them.
    expiresAtMs: () => Number.POSITIVE_INFINITY,
    stateBytes: (state) =>
      state.reduce(
        (bytes, { level }) => bytes + BAND_BYTES + level.changes.length * CHANGE_BYTES,
        0,
      ),
  });
}

/** Where results of a band go, and how far time has come. */
interface Place {
  readonly band: Band;
  readonly config: BandConfig;
  readonly output: Output;
  readonly watermarkMs: number;
  /** The first hour that the change can make another. */
  readonly fromHour: number;
}

function bandIn(state: JudgedBand[], hours: Band['hours']): JudgedBand {
  const known = state.find(({ level }) => level.hours === hours);
  if (known !== undefined) return known;
  const judged = { level: createBandLevel(hours), judgedHour: 0, wakeMs: 0 };
  state.push(judged);
  return judged;
}

/** Changes a band, judges it until the watermark, and asks for the hour at which there is more to judge. */
function judging(judged: JudgedBand, place: Place, change: () => void): void {
  const { level } = judged;
  const { band, fromHour, watermarkMs, output } = place;
  const untilHour = Math.max(judged.judgedHour, Math.floor(watermarkMs / HOUR_MS));
  // Most facts change only hours that are still to come.
  if (fromHour > untilHour && untilHour === judged.judgedHour) change();
  else judge(judged, place, { untilHour, change });
  const overflow = level.changes[level.changes.length - CHANGES_MAX - 1];
  if (overflow !== undefined) {
    output.count('FULFILMENT_BAND_HISTORY_FULL');
    const until = Math.max(judged.judgedHour, overflow.hour);
    judge(judged, place, { untilHour: until, change: () => undefined });
    settleBand(level, band, overflow.hour);
  }
  askForWake(judged, place);
}

/** Changes a band, and writes the incidents until an hour that differ from those that were written. */
function judge(
  judged: JudgedBand,
  place: Place,
  { untilHour, change }: { readonly untilHour: number; readonly change: () => void },
): void {
  const { level } = judged;
  const { band, config, watermarkMs } = place;
  const before = incidentsOfBand(level, band, judged.judgedHour);
  change();
  judged.judgedHour = untilHour;
  const after = incidentsOfBand(level, band, untilHour);
  for (const changed of changedIncidents(before, after, isSame)) writeIncident(changed, place);
  // A minute more, as late events are refused by the minute.
  const horizonMs = watermarkMs - config.allowedLatenessMs - MINUTE_MS;
  settleBand(level, band, Math.floor(horizonMs / HOUR_MS));
}

function askForWake(judged: JudgedBand, { watermarkMs, output }: Place): void {
  const nextHour = nextChangeAfter(judged.level, judged.judgedHour);
  if (nextHour === undefined) return;
  const nextMs = nextHour * HOUR_MS;
  const isArmed = judged.wakeMs > 0 && judged.wakeMs > watermarkMs;
  if (isArmed && judged.wakeMs <= nextMs) return;
  judged.wakeMs = nextMs;
  output.wakeAt(nextMs);
}

function incidentsOfBand(
  level: BandLevel,
  band: Band,
  untilHour: number,
): readonly Incident<BrokenBand>[] {
  return incidentsOf(brokenBandsOf(level, band, untilHour), level.acknowledgements ?? []);
}

function entityOf({ zone, hours }: Band): readonly string[] {
  return [zone, String(hours)];
}

function isSame(a: BrokenBand, b: BrokenBand): boolean {
  return a.opening.placed === b.opening.placed && a.opening.delivered === b.opening.delivered;
}

function writeIncident(
  { incident: { spell, acknowledgement }, isWithdrawn }: IncidentChange<BrokenBand>,
  { band, config, output }: Place,
): void {
  const { zone, hours } = band;
  const values = alertValues({
    alertId: alertIdOf(KIND, entityOf(band), spell.openedMs),
    kind: KIND,
    subject: `${zone}, within ${hours} h`,
    entityKey: zone,
    sku: '',
    nodeId: '',
    openedAtMs: spell.openedMs,
    acknowledgedAtMs: acknowledgement?.timeMs,
    acknowledgedBy: acknowledgement?.actor,
    resolvedAtMs: spell.resolvedMs ?? undefined,
    cost: undefined,
    owner: config.owners[KIND],
    detail: detailOf(spell.opening, band),
    isWithdrawn,
  });
  output.upsert(ALERTS, values);
}

/** Of the opening, so that it says why the incident began however long it goes on. */
function detailOf({ hour, placed, delivered }: BrokenBand['opening'], band: Band): string {
  const { hours, low } = band;
  const toMs = (hour - hours) * HOUR_MS;
  const fromMs = toMs - JUDGED_HOURS * HOUR_MS;
  const percent = ((100 * delivered) / placed).toFixed(1);
  return (
    `${delivered} of ${placed} orders placed from ${minuteText(fromMs)} to ${minuteText(toMs)} ` +
    `were delivered within ${hours} h: ${percent} %, meant are ${Math.round(100 * low)} % or more`
  );
}
