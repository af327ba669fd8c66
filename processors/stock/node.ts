import type { Output } from '../engine/operator/operator.ts';
import {
  type Acknowledgement,
  type Incident,
  changedRows,
  incidentsOf,
  outageCovering,
  outageFor,
} from './incident.ts';
import {
  ALERTS,
  STOCK_CURRENT,
  STOCK_INCIDENTS,
  type StockState,
  type StockoutRow,
  stockCurrentValues,
  stockIncidentValues,
  stockoutAlertValues,
} from './row.ts';
import {
  type SourceSequence,
  coverSequences,
  hasSequenceGap,
  noteSequenceNumber,
} from './sequence.ts';
import {
  type Count,
  type Timeline,
  appendChange,
  appendCount,
  availableAfter,
  createTimeline,
  currentOutageOf,
  foldTimeline,
  hasFoldable,
  insertChange,
  insertCount,
  isOut,
  newestCountOf,
  newestMsOf,
  outagesOf,
} from './timeline.ts';

/** What the stock operator keeps of one SKU at one node. */
export interface StockNode {
  readonly nodeId: string;
  readonly timeline: Timeline;
  readonly sequences: SourceSequence[];
  acknowledgements: Acknowledgement[];
  /** Whether `weir.stock_current` has a row of it. */
  isShown: boolean;
}

/** The event in hand, as far as every step needs it. Valid only during the call. */
export interface Arrival {
  readonly sku: string;
  readonly timeMs: number;
  /** Event times before it can no longer arrive. */
  readonly horizonMs: number;
  readonly output: Output;
}

/** Acknowledgements kept per SKU × node: each is of a stockout that can still change. */
const ACKNOWLEDGEMENTS_MAX = 16;

/** Rough sizes for the memory bound, measured on a heap of 100,000 nodes. */
const NODE_BYTES = 360;
const CHANGE_BYTES = 8;
const COUNT_BYTES = 120;
const SEQUENCE_BYTES = 80;
const RUN_BYTES = 56;
const ACKNOWLEDGEMENT_BYTES = 160;

export function createNode(nodeId: string): StockNode {
  return {
    nodeId,
    timeline: createTimeline(),
    sequences: [],
    acknowledgements: [],
    isShown: false,
  };
}

/** A rough size of a node in bytes. */
export function nodeBytesOf(node: StockNode): number {
  let bytes =
    NODE_BYTES +
    node.timeline.changes.length * CHANGE_BYTES +
    node.timeline.counts.length * COUNT_BYTES +
    node.acknowledgements.length * ACKNOWLEDGEMENT_BYTES;
  for (const { runs } of node.sequences) bytes += SEQUENCE_BYTES + runs.length * RUN_BYTES;
  return bytes;
}

/** Takes units that left (negative) or came (positive) at the arrival's time. */
export function takeChange(node: StockNode, units: number, arrival: Arrival): void {
  if (units === 0) return;
  const { timeline } = node;
  fold(node, arrival);
  if (arrival.timeMs > newestMsOf(timeline) && node.acknowledgements.length === 0) {
    const outage = isOut(timeline) ? currentOutageOf(timeline) : undefined;
    appendChange(timeline, arrival.timeMs, units);
    writeCrossing(node, outage, arrival);
  } else {
    rewrite(node, arrival, () => insertChange(timeline, arrival.timeMs, units));
  }
  fold(node, arrival);
}

/** Takes an absolute count at the arrival's time. */
export function takeCount(node: StockNode, count: Count, arrival: Arrival): void {
  const { timeline } = node;
  fold(node, arrival);
  if (arrival.timeMs > newestMsOf(timeline) && node.acknowledgements.length === 0) {
    const outage = isOut(timeline) ? currentOutageOf(timeline) : undefined;
    appendCount(timeline, count);
    writeCrossing(node, outage, arrival);
  } else {
    rewrite(node, arrival, () => insertCount(timeline, count));
  }
  coverSequences(node.sequences, newestCountMsOf(timeline));
  fold(node, arrival);
}

/** Takes the sequence number of an inventory event. */
export function takeSequenceNumber(
  node: StockNode,
  number: { readonly source: string; readonly seq: number },
  arrival: Arrival,
): void {
  const outcome = noteSequenceNumber(
    node.sequences,
    { ...number, timeMs: arrival.timeMs },
    newestCountMsOf(node.timeline),
  );
  if (outcome !== 'ok') arrival.output.count(outcome);
}

/** Takes an acknowledgement of one of the node's stockouts. */
export function takeAcknowledgement(
  node: StockNode,
  acknowledgement: Acknowledgement,
  arrival: Arrival,
): void {
  fold(node, arrival);
  const { timeline } = node;
  const isFolded =
    acknowledgement.openedMs <= (timeline.foldedNewestMs ?? Number.NEGATIVE_INFINITY);
  if (isFolded && outageCovering(acknowledgement.openedMs, outagesOf(timeline)) === undefined) {
    // What it was for is over and final; what opened since is not what the person saw.
    arrival.output.count('stock_acknowledgement_late');
    return;
  }
  rewrite(node, arrival, () => {
    node.acknowledgements.push(acknowledgement);
    if (node.acknowledgements.length <= ACKNOWLEDGEMENTS_MAX) return 'ok';
    node.acknowledgements.shift();
    return 'stock_acknowledgement_limit';
  });
  dropAcknowledgements(node, outagesOf(timeline), arrival);
}

/** Writes the node's current row, once there is something to show. */
export function writeCurrent(node: StockNode, arrival: Arrival): void {
  const { timeline } = node;
  const newestMs = newestMsOf(timeline);
  const hasEntries = newestMs !== Number.NEGATIVE_INFINITY;
  if (!hasEntries && !node.isShown) return;
  node.isShown = hasEntries;
  const count = newestCountOf(timeline);
  const { units } = timeline.newest;
  const row = {
    sku: arrival.sku,
    nodeId: node.nodeId,
    state: stateOf(node),
    available: availableAfter(count, units),
    onHand: count === null ? undefined : count.onHand + units,
    reserved: count?.reserved,
    safety: count?.safety,
    changedAtMs: count === null ? undefined : timeline.newest.sinceMs,
    asOfMs: hasEntries ? newestMs : arrival.timeMs,
    isWithdrawn: !hasEntries,
  };
  arrival.output.upsert(STOCK_CURRENT, stockCurrentValues(row));
}

function stateOf(node: StockNode): StockState {
  const { timeline } = node;
  if (newestCountOf(timeline) === null) return 'UNKNOWN';
  if (hasSequenceGap(node.sequences)) return 'STALE';
  if (timeline.isInexact && timeline.counts.length === 0) return 'STALE';
  return isOut(timeline) ? 'OUT' : 'IN_STOCK';
}

function newestCountMsOf(timeline: Timeline): number {
  return newestCountOf(timeline)?.timeMs ?? Number.NEGATIVE_INFINITY;
}

/** Writes the stockout that an entry after everything else has opened or resolved, if any. */
function writeCrossing(
  node: StockNode,
  before: Incident['outage'] | undefined,
  arrival: Arrival,
): void {
  const isOutNow = isOut(node.timeline);
  if (isOutNow === (before !== undefined)) return;
  const outage = isOutNow
    ? currentOutageOf(node.timeline)
    : before && { ...before, resolvedMs: arrival.timeMs };
  if (outage === undefined) return;
  const after = [{ outage, acknowledgement: undefined }];
  writeRows(changedRows({ sku: arrival.sku, nodeId: node.nodeId }, [], after), arrival);
}

/** Runs `change`, which may touch any part of the timeline, and writes what it did to the incidents. */
function rewrite(node: StockNode, arrival: Arrival, change: () => string): void {
  const before = incidentsOfNode(node);
  const outcome = change();
  if (outcome !== 'ok') arrival.output.count(outcome);
  const key = { sku: arrival.sku, nodeId: node.nodeId };
  writeRows(changedRows(key, before, incidentsOfNode(node)), arrival);
}

function incidentsOfNode(node: StockNode): Incident[] {
  return incidentsOf(outagesOf(node.timeline), node.acknowledgements);
}

function writeRows(rows: readonly StockoutRow[], { output }: Arrival): void {
  for (const row of rows) {
    output.upsert(STOCK_INCIDENTS, stockIncidentValues(row));
    output.upsert(ALERTS, stockoutAlertValues(row));
  }
}

/** Folds what can no longer change, and drops the acknowledgements of what has become final. */
function fold(node: StockNode, arrival: Arrival): void {
  const { timeline } = node;
  if (!hasFoldable(timeline, arrival.horizonMs)) return;
  const outages = node.acknowledgements.length === 0 ? [] : outagesOf(timeline);
  const outcome = foldTimeline(timeline, arrival.horizonMs);
  if (outcome !== 'ok') arrival.output.count(outcome);
  if (node.acknowledgements.length > 0) dropAcknowledgements(node, outages, arrival);
}

/**
 * Keeps the acknowledgements of outages that are still in the timeline, and those whose outage a late
 * event can still bring.
 *
 * @param outages the outages before the fold
 */
function dropAcknowledgements(
  node: StockNode,
  outages: readonly Incident['outage'][],
  arrival: Arrival,
): void {
  const remaining = outagesOf(node.timeline);
  node.acknowledgements = node.acknowledgements.filter((acknowledgement) => {
    const outage = outageFor(acknowledgement, outages);
    if (outage === undefined) {
      return Math.max(acknowledgement.openedMs, acknowledgement.timeMs) >= arrival.horizonMs;
    }
    return remaining.some(({ openedMs }) => openedMs === outage.openedMs);
  });
}
