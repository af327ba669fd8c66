import { ALERTS, type AlertOwners, alertValues } from '../../schemas/alert.ts';
import {
  type Acknowledgement,
  type Incident,
  type IncidentChange,
  type Spell,
  alertIdOf,
  changedIncidents,
  incidentsOf,
} from '../engine/operator/incident.ts';
import type { Output } from '../engine/operator/operator.ts';
import { beliefFrom, expectedUnits } from './demand.ts';
import type { Outage, Spells } from './level.ts';
import { type StoredPrices, costOf } from './prices.ts';
import {
  type LostSales,
  STOCK_INCIDENTS,
  type StockIncidentRow,
  stockAlert,
  stockIncidentValues,
} from './row.ts';
import type { WeekProfile } from './week-profile.ts';

/** Whose incidents they are, and what is needed to say what they cost. */
export interface IncidentContext {
  readonly sku: string;
  readonly nodeId: string;
  readonly output: Output;
  readonly owners: AlertOwners;
  readonly profile: WeekProfile;
  /** Share of lost sales that another item takes over. */
  readonly substitutionShare: number;
  readonly prices: StoredPrices;
}

/** A spell of either kind as it is written. */
interface WrittenSpell extends Spell {
  readonly openedUnits: number;
  readonly lost: LostSales | undefined;
}

/** The incidents of a node as they are written; compare two of them with `writeChanged`. */
export interface StockIncidents {
  readonly stockout: readonly Incident<WrittenSpell>[];
  readonly at_risk: readonly Incident<WrittenSpell>[];
}

/** The incidents that follow from the spells and the acknowledgements of both kinds. */
export function stockIncidentsOf(
  spells: Spells,
  acknowledgements: readonly Acknowledgement[],
  context: IncidentContext,
): StockIncidents {
  const of = (kind: string): readonly Acknowledgement[] =>
    acknowledgements.filter((acknowledgement) => acknowledgement.kind === kind);
  return {
    stockout: incidentsOf(
      spells.outages.map((outage) => ({
        openedMs: outage.openedMs,
        openedUnits: outage.openedUnits,
        resolvedMs: outage.resolvedMs,
        lost: lostSalesOf(outage, context),
      })),
      of('stockout'),
    ),
    at_risk: incidentsOf(
      spells.risks.map((risk) => ({ ...risk, lost: undefined })),
      of('at_risk'),
    ),
  };
}

/** Writes the rows that make what was written for `before` what holds for `after`. */
export function writeChanged(
  before: StockIncidents,
  after: StockIncidents,
  context: IncidentContext,
): void {
  for (const kind of ['stockout', 'at_risk'] as const) {
    for (const change of changedIncidents(before[kind], after[kind], isSame)) {
      const row = rowOf(kind, change, context);
      context.output.upsert(STOCK_INCIDENTS, stockIncidentValues(row));
      context.output.upsert(ALERTS, alertValues(stockAlert(row, context.owners)));
    }
  }
}

/**
 * What would have been sold while there was nothing: the rate, which stands still while it is out,
 * times the weighted days it was out, less what another item took over.
 */
export function lostSalesOf(
  outage: Outage,
  context: Pick<IncidentContext, 'profile' | 'substitutionShare' | 'prices'>,
): LostSales | undefined {
  const belief = beliefFrom(outage);
  if (belief === undefined) return undefined;
  const days = context.profile.daysBetween(outage.openedMs, outage.untilMs);
  const { point, low, high } = expectedUnits(belief, days * (1 - context.substitutionShare));
  return {
    units: point,
    unitsLow: low,
    unitsHigh: high,
    cost: costOf(point, context.prices, outage.untilMs),
  };
}

function rowOf(
  kind: StockIncidentRow['kind'],
  { incident: { spell, acknowledgement }, isWithdrawn }: IncidentChange<WrittenSpell>,
  { sku, nodeId }: IncidentContext,
): StockIncidentRow {
  return {
    alertId: alertIdOf(kind, [sku, nodeId], spell.openedMs),
    kind,
    sku,
    nodeId,
    openedAtMs: spell.openedMs,
    openedUnits: spell.openedUnits,
    resolvedAtMs: spell.resolvedMs ?? undefined,
    acknowledgedAtMs: acknowledgement?.timeMs,
    acknowledgedBy: acknowledgement?.actor,
    lost: spell.lost,
    isWithdrawn,
  };
}

function isSame(a: WrittenSpell, b: WrittenSpell): boolean {
  return (
    a.openedUnits === b.openedUnits &&
    a.lost?.units === b.lost?.units &&
    a.lost?.unitsLow === b.lost?.unitsLow &&
    a.lost?.cost?.amountMinor === b.lost?.cost?.amountMinor &&
    a.lost?.cost?.currency === b.lost?.cost?.currency
  );
}
