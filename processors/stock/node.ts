import { DAY_MS } from '../../schemas/time.ts';
import { type Acknowledgement, spellCovering, spellFor } from '../engine/operator/incident.ts';
import {
  beliefOf,
  expectedUnits,
  forecastErrorOf,
  intermittentRates,
  phantomChanceOf,
} from './demand.ts';
import { inboundUnits } from './inbound.ts';
import {
  type IncidentContext,
  type StockIncidents,
  stockIncidentsOf,
  writeChanged,
} from './incident.ts';
import { insertChange, insertCount, insertInbound } from './insertion.ts';
import { type Count, type Spells, currentSpells } from './level.ts';
import {
  COUNT_ON_HAND,
  COUNT_RESERVED,
  COUNT_SAFETY,
  HAS_RUN_OUT,
  IS_AT_RISK,
  IS_LOW,
  NEWEST_MS,
  type Position,
  RISKS,
  SINCE_MS,
  UNITS,
  availableAt,
  isCounted,
  isInStock,
  slot,
} from './position.ts';
import { RECOVERY_MS, type StockRules, daysOfCover, leadTimeMsOf, stockoutChance } from './risk.ts';
import { type DemandRow, STOCK_CURRENT, type StockState, stockCurrentValues } from './row.ts';
import {
  type SourceSequence,
  coverSequences,
  hasSequenceGap,
  noteSequenceNumber,
} from './sequence.ts';
import {
  type Horizon,
  type Timeline,
  append,
  createTimeline,
  foldTimeline,
  foldedMsOf,
  hasFoldable,
  isAfterEverything,
  isExact,
  isInexact,
  newestCountMsOf,
  newestOf,
  newestMsOf,
  spellsOf,
} from './timeline.ts';

/** What the stock operator knows of one SKU at one node; lists are null while they are empty. */
export interface StockNode extends Timeline {
  readonly nodeId: string;
  sequences: SourceSequence[] | null;
  acknowledgements: Acknowledgement[] | null;
  /** Whether `weir.stock_current` has a row of it. */
  isShown: boolean;
}

/** The event in hand, as far as every step needs it. Valid only during the call. */
export interface Arrival extends Omit<IncidentContext, 'nodeId' | 'profile'>, Horizon {
  readonly timeMs: number;
  readonly rules: StockRules;
}

/** Acknowledgements kept per SKU × node: each is of an incident that can still change. */
const ACKNOWLEDGEMENTS_MAX = 16;

/** A node of which nothing is known yet. */
export function createNode(nodeId: string): StockNode {
  return {
    nodeId,
    isShown: false,
    sequences: null,
    acknowledgements: null,
    ...createTimeline(),
  };
}

/**
 * Takes units that left (negative) or came (positive) at the arrival's time.
 *
 * @param demand the part of them that is demand: units that orders took, negative when one takes them back
 */
export function takeChange(
  node: StockNode,
  { units, demand }: { readonly units: number; readonly demand: number },
  arrival: Arrival,
): void {
  if (units === 0 && demand === 0) return;
  const { timeMs } = arrival;
  takeInstant(node, arrival, {
    append: () => append(node, { timeMs, units, demand, count: undefined }, arrival.rules),
    insert: () => insertChange(node, { timeMs, units, demand }),
  });
}

/** Takes an absolute count at the arrival's time. */
export function takeCount(node: StockNode, count: Count, arrival: Arrival): void {
  const { timeMs } = arrival;
  takeInstant(node, arrival, {
    append: () => append(node, { timeMs, units: 0, demand: 0, count }, arrival.rules),
    insert: () => insertCount(node, count),
  });
  if (node.sequences !== null) coverSequences(node.sequences, newestCountMsOf(node));
}

/** Takes an announced delivery. */
export function takeInbound(
  node: StockNode,
  delivery: { readonly dueMs: number; readonly units: number; readonly leadDays: number },
  arrival: Arrival,
): void {
  fold(node, arrival);
  rewrite(node, arrival, () => insertInbound(node, { timeMs: arrival.timeMs, ...delivery }));
  fold(node, arrival);
}

/** Takes the sequence number of an inventory event. */
export function takeSequenceNumber(
  node: StockNode,
  number: { readonly source: string; readonly seq: number },
  arrival: Arrival,
): void {
  const outcome = noteSequenceNumber(
    node,
    { source: number.source, seq: number.seq, timeMs: arrival.timeMs },
    newestCountMsOf(node),
  );
  if (outcome !== 'ok') arrival.output.count(outcome);
}

/** Takes an acknowledgement of one of the node's incidents. */
export function takeAcknowledgement(
  node: StockNode,
  acknowledgement: Acknowledgement,
  arrival: Arrival,
): void {
  fold(node, arrival);
  const isFolded = acknowledgement.openedMs <= foldedMsOf(node);
  const spells = spellsOfKind(spellsOf(node, arrival.rules), acknowledgement.kind);
  if (isFolded && spellCovering(acknowledgement.openedMs, spells) === undefined) {
    // What it was for is over and final; what opened since is not what the person saw.
    arrival.output.count('STOCK_ACKNOWLEDGEMENT_LATE');
    return;
  }
  rewrite(node, arrival, () => {
    const before = node.acknowledgements ?? [];
    node.acknowledgements = [...before, acknowledgement].slice(-ACKNOWLEDGEMENTS_MAX);
    return before.length < ACKNOWLEDGEMENTS_MAX ? 'ok' : 'STOCK_ACKNOWLEDGEMENT_LIMIT';
  });
  dropAcknowledgements(node, spellsOf(node, arrival.rules), arrival);
}

/** The incidents of a node at the prices of the arrival, to compare with after a change of prices. */
export function incidentsOfNode(node: StockNode, arrival: Arrival): StockIncidents {
  return stockIncidentsOf(
    spellsOf(node, arrival.rules),
    node.acknowledgements ?? [],
    contextOf(node, arrival),
  );
}

/** Writes what has changed in a node's incidents since `before`. */
export function writeSince(before: StockIncidents, node: StockNode, arrival: Arrival): void {
  writeChanged(before, incidentsOfNode(node, arrival), contextOf(node, arrival));
}

/** Writes the node's current row, once there is something to show. */
export function writeCurrent(node: StockNode, arrival: Arrival): void {
  const newestMs = newestMsOf(node);
  const hasEntries = newestMs !== Number.NEGATIVE_INFINITY;
  if (!hasEntries && !node.isShown) return;
  node.isShown = hasEntries;
  const position = newestOf(node, arrival.rules);
  const isKnown = isCounted(position);
  const onHand = slot(position, COUNT_ON_HAND) + slot(position, UNITS);
  const asOfMs = hasEntries ? newestMs : arrival.timeMs;
  const row = {
    sku: arrival.sku,
    nodeId: node.nodeId,
    state: stateOf(node, position),
    available: isKnown ? availableAt(position) : undefined,
    onHand: isKnown ? onHand : undefined,
    reserved: isKnown ? slot(position, COUNT_RESERVED) : undefined,
    safety: isKnown ? slot(position, COUNT_SAFETY) : undefined,
    inboundUnits: inboundUnits(node.inbound, asOfMs),
    leadTimeDays: leadTimeMsOf(position, arrival.rules) / DAY_MS,
    demand: demandOf(node, position, arrival.rules),
    phantomChance: phantomChanceOf(position) ?? undefined,
    intermittent: intermittentRates(position) ?? undefined,
    forecastError: forecastErrorOf(position) ?? undefined,
    changedAtMs: isKnown ? slot(position, SINCE_MS) : undefined,
    asOfMs,
    isExact: isExact(node),
    isWithdrawn: !hasEntries,
  };
  arrival.output.upsert(STOCK_CURRENT, stockCurrentValues(row));
}

function demandOf(node: StockNode, position: Position, rules: StockRules): DemandRow | undefined {
  const belief = beliefOf(position);
  if (belief === undefined) return undefined;
  const { point, low, high } = expectedUnits(belief, 1);
  const nowMs = slot(position, NEWEST_MS);
  const context = { rules, inbound: node.inbound };
  return {
    ratePerDay: point,
    rateLow: low,
    rateHigh: high,
    daysOfCover: daysOfCover(position, nowMs, rules) ?? 0,
    stockoutChance: isInStock(position) ? stockoutChance(position, nowMs, context) : 1,
  };
}

function stateOf(node: StockNode, position: Position): StockState {
  if (!isCounted(position)) return 'UNKNOWN';
  if (isInexact(node) || (node.sequences !== null && hasSequenceGap(node.sequences))) {
    return 'STALE';
  }
  const nowMs = slot(position, NEWEST_MS);
  const available = availableAt(position);
  if (available < 0 && inboundUnits(node.inbound, nowMs) > 0) return 'BACKORDER';
  if (available <= 0) return 'OUT';
  const risks = slot(position, RISKS);
  if ((risks & IS_AT_RISK) !== 0) return 'AT_RISK';
  const hasRunOut = (risks & HAS_RUN_OUT) !== 0;
  if (hasRunOut && nowMs - slot(position, SINCE_MS) < RECOVERY_MS) return 'RECOVERING';
  return (risks & IS_LOW) === 0 ? 'IN_STOCK' : 'LOW';
}

/** Adds an instant: by one step where it comes after everything, by going over what follows otherwise. */
function takeInstant(
  node: StockNode,
  arrival: Arrival,
  take: { readonly append: () => Spells; readonly insert: () => string },
): void {
  fold(node, arrival);
  if (!isAfterEverything(node, arrival.timeMs)) {
    rewrite(node, arrival, take.insert);
  } else if (node.acknowledgements !== null) {
    rewrite(node, arrival, () => {
      take.append();
      return 'ok';
    });
  } else {
    const spellsBefore = currentSpells(newestOf(node, arrival.rules));
    const spellsAfter = take.append();
    const isQuiet =
      spellsBefore.outages.length + spellsBefore.risks.length === 0 &&
      spellsAfter.outages.length + spellsAfter.risks.length === 0;
    if (!isQuiet) {
      const context = contextOf(node, arrival);
      writeChanged(
        stockIncidentsOf(spellsBefore, [], context),
        stockIncidentsOf(spellsAfter, [], context),
        context,
      );
    }
  }
  fold(node, arrival);
}

/** Runs `change`, which may touch any part of the timeline, and writes what it did to the incidents. */
function rewrite(node: StockNode, arrival: Arrival, change: () => string): void {
  const before = incidentsOfNode(node, arrival);
  const outcome = change();
  if (outcome !== 'ok') arrival.output.count(outcome);
  writeSince(before, node, arrival);
}

function contextOf(node: StockNode, arrival: Arrival): IncidentContext {
  return {
    sku: arrival.sku,
    nodeId: node.nodeId,
    output: arrival.output,
    owners: arrival.owners,
    profile: arrival.rules.profile,
    substitutionShare: arrival.substitutionShare,
    prices: arrival.prices,
  };
}

function spellsOfKind(
  spells: Spells,
  kind: string,
): readonly { readonly openedMs: number; readonly resolvedMs: number | null }[] {
  return kind === 'stockout' ? spells.outages : spells.risks;
}

/** Folds what can no longer change, and drops the acknowledgements of what has become final. */
function fold(node: StockNode, arrival: Arrival): void {
  if (!hasFoldable(node, arrival)) return;
  const spells = node.acknowledgements === null ? undefined : spellsOf(node, arrival.rules);
  const outcome = foldTimeline(node, arrival, arrival.rules);
  if (outcome !== 'ok') arrival.output.count(outcome);
  if (spells !== undefined) dropAcknowledgements(node, spells, arrival);
}

/**
 * Keeps the acknowledgements of spells that are still in the timeline, and those whose spell a late
 * event can still bring.
 *
 * @param before the spells before the fold
 */
function dropAcknowledgements(node: StockNode, before: Spells, arrival: Arrival): void {
  if (node.acknowledgements === null) return;
  const remaining = spellsOf(node, arrival.rules);
  const kept = node.acknowledgements.filter((acknowledgement) => {
    const spell = spellFor(acknowledgement, spellsOfKind(before, acknowledgement.kind));
    if (spell === undefined) {
      return Math.max(acknowledgement.openedMs, acknowledgement.timeMs) >= arrival.horizonMs;
    }
    const left = spellsOfKind(remaining, acknowledgement.kind);
    return left.some(({ openedMs }) => openedMs === spell.openedMs);
  });
  node.acknowledgements = kept.length === 0 ? null : kept;
}
