import { ALERTS, type AlertKind, type AlertOwners, alertValues } from '../../schemas/alert.ts';
import { minuteText } from '../../schemas/time.ts';
import {
  type Acknowledgement,
  type IncidentChange,
  type Spell,
  alertIdOf,
  changedIncidents,
  incidentsOf,
} from '../engine/operator/incident.ts';
import type { Output } from '../engine/operator/operator.ts';
import { GAP_UNITS } from './gap.ts';
import type { History, Silence } from './history.ts';
import type { Drift } from './standing.ts';

/** What a cell's incidents are made of. */
export interface IncidentSources {
  readonly history: Pick<History, 'drifts' | 'silences'>;
  readonly acknowledgements: readonly Acknowledgement[];
}

/** Which cell it is, and whom to tell. */
export interface IncidentPlace {
  readonly sku: string;
  readonly channel: string;
  readonly referenceChannel: string;
  readonly owners: AlertOwners;
  readonly output: Output;
}

const DRIFT = 'price_drift' satisfies AlertKind;
const SILENCE = 'price_feed_stale' satisfies AlertKind;

/** The cause of a drift in words; `of` is the channel. */
const CAUSE_WORDS = {
  price: (channel: string) => `the price on ${channel} changed`,
  reference: (_channel: string, reference: string) => `the price on ${reference} changed`,
  fx: () => 'the exchange rate moved beyond its band',
} as const;

/** Writes the rows that make what was written for `before` what holds for `after`. */
export function writeIncidents(
  before: IncidentSources,
  after: IncidentSources,
  place: IncidentPlace,
): void {
  if (areSame(before, after)) return;
  writeKind(DRIFT, [before, after], {
    place,
    spellsOf: ({ drifts }) => drifts,
    isSame: isSameDrift,
    detailOf: (drift) => driftDetail(drift, place),
  });
  writeKind(SILENCE, [before, after], {
    place,
    spellsOf: ({ silences }) => silences,
    isSame: () => true,
    detailOf: (silence) => silenceDetail(silence, place),
  });
}

/** Whether all incidents are the same, so that most prices need no more of this. */
function areSame(before: IncidentSources, after: IncidentSources): boolean {
  const { drifts, silences } = after.history;
  return (
    before.acknowledgements === after.acknowledgements &&
    drifts.length === before.history.drifts.length &&
    silences.length === before.history.silences.length &&
    drifts.every((drift, index) => isSameSpell(drift, before.history.drifts[index], isSameDrift)) &&
    silences.every((silence, index) => isSameSpell(silence, before.history.silences[index]))
  );
}

function isSameSpell<S extends Spell>(
  a: S,
  b: S | undefined,
  isSame: (a: S, b: S) => boolean = () => true,
): boolean {
  return (
    b !== undefined && a.openedMs === b.openedMs && a.resolvedMs === b.resolvedMs && isSame(a, b)
  );
}

function isSameDrift(a: Drift, b: Drift): boolean {
  return (
    a.side === b.side &&
    a.cause === b.cause &&
    a.startedMs === b.startedMs &&
    a.gapUnits === b.gapUnits
  );
}

/** The id of an incident of this cell is made of it. */
export function entityOf(sku: string, channel: string): readonly string[] {
  return [sku, channel];
}

function writeKind<S extends Spell>(
  kind: typeof DRIFT | typeof SILENCE,
  [before, after]: readonly [IncidentSources, IncidentSources],
  options: {
    readonly place: IncidentPlace;
    readonly spellsOf: (history: IncidentSources['history']) => readonly S[];
    readonly isSame: (a: S, b: S) => boolean;
    readonly detailOf: (spell: S) => string;
  },
): void {
  const { place, spellsOf, isSame, detailOf } = options;
  const incidents = ({ history, acknowledgements }: IncidentSources) =>
    incidentsOf(
      spellsOf(history),
      acknowledgements.filter((each) => each.kind === kind),
    );
  for (const change of changedIncidents(incidents(before), incidents(after), isSame)) {
    writeChange(kind, change, { place, detail: detailOf(change.incident.spell) });
  }
}

function writeChange<S extends Spell>(
  kind: typeof DRIFT | typeof SILENCE,
  { incident: { spell, acknowledgement }, isWithdrawn }: IncidentChange<S>,
  { place, detail }: { readonly place: IncidentPlace; readonly detail: string },
): void {
  const { sku, channel, owners, output } = place;
  const values = alertValues({
    alertId: alertIdOf(kind, entityOf(sku, channel), spell.openedMs),
    kind,
    subject: `${sku} on ${channel}`,
    entityKey: sku,
    sku,
    nodeId: '',
    openedAtMs: spell.openedMs,
    acknowledgedAtMs: acknowledgement?.timeMs,
    acknowledgedBy: acknowledgement?.actor,
    resolvedAtMs: spell.resolvedMs ?? undefined,
    cost: undefined,
    owner: owners[kind],
    detail,
    isWithdrawn,
  });
  output.upsert(ALERTS, values);
}

function driftDetail(drift: Drift, { channel, referenceChannel }: IncidentPlace): string {
  const percent = ((Math.abs(drift.gapUnits) * 100) / GAP_UNITS).toFixed(2);
  const side = drift.side < 0 ? 'below' : 'above';
  const cause = CAUSE_WORDS[drift.cause](channel, referenceChannel);
  return `${percent} % ${side} ${referenceChannel} since ${minuteText(drift.startedMs)}: ${cause}`;
}

function silenceDetail(
  { openedMs }: Silence,
  { channel, referenceChannel }: IncidentPlace,
): string {
  return `No price on ${channel} or ${referenceChannel} for too long before ${minuteText(openedMs)}`;
}
