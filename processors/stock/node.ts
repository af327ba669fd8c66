import {
  type Acknowledgement,
  type Incident,
  incidentsOf,
  spellCovering,
  spellFor,
} from '../engine/operator/incident.ts';
import type { Output } from '../engine/operator/operator.ts';
import { writeStockouts } from './incident.ts';
import { type Count, type Outage, availableAfter } from './level.ts';
import { STOCK_CURRENT, type StockState, stockCurrentValues } from './row.ts';
import {
  type SourceSequence,
  coverSequences,
  hasSequenceGap,
  noteSequenceNumber,
} from './sequence.ts';
import {
  type Timeline,
  appendChange,
  appendCount,
  createNumbers,
  currentOutageOf,
  foldTimeline,
  foldedMsOf,
  hasFoldable,
  insertChange,
  insertCount,
  isInexact,
  isOut,
  keptLengthsOf,
  newestCountMsOf,
  newestCountOf,
  newestLevelOf,
  newestMsOf,
  outagesOf,
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
export interface Arrival {
  readonly sku: string;
  readonly timeMs: number;
  /** Event times before it can no longer arrive. */
  readonly horizonMs: number;
  readonly output: Output;
  /** Who is responsible for stockouts. */
  readonly owner: string | undefined;
}

/** Acknowledgements kept per SKU × node: each is of a stockout that can still change. */
const ACKNOWLEDGEMENTS_MAX = 16;

/** Rough sizes for the memory bound, measured with 100,000 nodes on the heap. */
const NODE_BYTES = 260;
const NUMBER_BYTES = 8;
const COUNT_BYTES = 130;
const SEQUENCE_BYTES = 100;
const RUN_BYTES = 90;
const ACKNOWLEDGEMENT_BYTES = 170;

/** A node of which nothing is known yet. */
export function createNode(nodeId: string): StockNode {
  return {
    nodeId,
    isShown: false,
    numbers: createNumbers(),
    counts: null,
    foldedCountId: '',
    sequences: null,
    acknowledgements: null,
  };
}

/** A rough size of a node in bytes. */
export function nodeBytesOf(node: StockNode): number {
  const kept = keptLengthsOf(node);
  let bytes =
    NODE_BYTES +
    kept.numbers * NUMBER_BYTES +
    kept.counts * COUNT_BYTES +
    (node.acknowledgements?.length ?? 0) * ACKNOWLEDGEMENT_BYTES;
  if (node.sequences === null) return bytes;
  for (const { runs } of node.sequences) bytes += SEQUENCE_BYTES + (runs?.length ?? 0) * RUN_BYTES;
  return bytes;
}

/** Takes units that left (negative) or came (positive) at the arrival's time. */
export function takeChange(node: StockNode, units: number, arrival: Arrival): void {
  if (units === 0) return;
  fold(node, arrival);
  if (arrival.timeMs > newestMsOf(node) && node.acknowledgements === null) {
    const outage = isOut(node) ? currentOutageOf(node) : undefined;
    appendChange(node, arrival.timeMs, units);
    writeCrossing(node, outage, arrival);
  } else {
    rewrite(node, arrival, () => insertChange(node, arrival.timeMs, units));
  }
  fold(node, arrival);
}

/** Takes an absolute count at the arrival's time. */
export function takeCount(node: StockNode, count: Count, arrival: Arrival): void {
  fold(node, arrival);
  if (arrival.timeMs > newestMsOf(node) && node.acknowledgements === null) {
    const outage = isOut(node) ? currentOutageOf(node) : undefined;
    appendCount(node, count);
    writeCrossing(node, outage, arrival);
  } else {
    rewrite(node, arrival, () => insertCount(node, count));
  }
  if (node.sequences !== null) coverSequences(node.sequences, newestCountMsOf(node));
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

/** Takes an acknowledgement of one of the node's stockouts. */
export function takeAcknowledgement(
  node: StockNode,
  acknowledgement: Acknowledgement,
  arrival: Arrival,
): void {
  fold(node, arrival);
  const isFolded = acknowledgement.openedMs <= foldedMsOf(node);
  if (isFolded && spellCovering(acknowledgement.openedMs, outagesOf(node)) === undefined) {
    // What it was for is over and final; what opened since is not what the person saw.
    arrival.output.count('STOCK_ACKNOWLEDGEMENT_LATE');
    return;
  }
  rewrite(node, arrival, () => {
    const before = node.acknowledgements ?? [];
    node.acknowledgements = [...before, acknowledgement].slice(-ACKNOWLEDGEMENTS_MAX);
    return before.length < ACKNOWLEDGEMENTS_MAX ? 'ok' : 'STOCK_ACKNOWLEDGEMENT_LIMIT';
  });
  dropAcknowledgements(node, outagesOf(node), arrival);
}

/** Writes the node's current row, once there is something to show. */
export function writeCurrent(node: StockNode, arrival: Arrival): void {
  const newestMs = newestMsOf(node);
  const hasEntries = newestMs !== Number.NEGATIVE_INFINITY;
  if (!hasEntries && !node.isShown) return;
  node.isShown = hasEntries;
  const count = newestCountOf(node);
  const { units, sinceMs } = newestLevelOf(node);
  const row = {
    sku: arrival.sku,
    nodeId: node.nodeId,
    state: stateOf(node),
    available: count && availableAfter(count, units),
    onHand: count && count.onHand + units,
    reserved: count?.reserved,
    safety: count?.safety,
    changedAtMs: count && sinceMs,
    asOfMs: hasEntries ? newestMs : arrival.timeMs,
    isWithdrawn: !hasEntries,
  };
  arrival.output.upsert(STOCK_CURRENT, stockCurrentValues(row));
}

function stateOf(node: StockNode): StockState {
  if (newestCountMsOf(node) === Number.NEGATIVE_INFINITY) return 'UNKNOWN';
  if (isInexact(node) || (node.sequences !== null && hasSequenceGap(node.sequences))) {
    return 'STALE';
  }
  return isOut(node) ? 'OUT' : 'IN_STOCK';
}

/** Writes the stockout that an entry after everything else has opened or resolved, if any. */
function writeCrossing(node: StockNode, before: Outage | undefined, arrival: Arrival): void {
  const isOutNow = isOut(node);
  if (isOutNow === (before !== undefined)) return;
  const outage = isOutNow
    ? currentOutageOf(node)
    : before && { ...before, resolvedMs: arrival.timeMs };
  if (outage === undefined) return;
  const after = [{ spell: outage, acknowledgement: undefined }];
  writeStockouts({ sku: arrival.sku, nodeId: node.nodeId }, { before: [], after }, arrival);
}

/** Runs `change`, which may touch any part of the timeline, and writes what it did to the incidents. */
function rewrite(node: StockNode, arrival: Arrival, change: () => string): void {
  const before = incidentsOfNode(node);
  const outcome = change();
  if (outcome !== 'ok') arrival.output.count(outcome);
  const key = { sku: arrival.sku, nodeId: node.nodeId };
  writeStockouts(key, { before, after: incidentsOfNode(node) }, arrival);
}

function incidentsOfNode(node: StockNode): Incident<Outage>[] {
  return incidentsOf(outagesOf(node), node.acknowledgements ?? []);
}

/** Folds what can no longer change, and drops the acknowledgements of what has become final. */
function fold(node: StockNode, arrival: Arrival): void {
  if (!hasFoldable(node, arrival.horizonMs)) return;
  const outages = node.acknowledgements === null ? [] : outagesOf(node);
  const outcome = foldTimeline(node, arrival.horizonMs);
  if (outcome !== 'ok') arrival.output.count(outcome);
  dropAcknowledgements(node, outages, arrival);
}

/**
 * Keeps the acknowledgements of outages that are still in the timeline, and those whose outage a late
 * event can still bring.
 *
 * @param outages the outages before the fold
 */
function dropAcknowledgements(node: StockNode, outages: readonly Outage[], arrival: Arrival): void {
  if (node.acknowledgements === null) return;
  const remaining = outagesOf(node);
  const kept = node.acknowledgements.filter((acknowledgement) => {
    const outage = spellFor(acknowledgement, outages);
    if (outage === undefined) {
      return Math.max(acknowledgement.openedMs, acknowledgement.timeMs) >= arrival.horizonMs;
    }
    return remaining.some(({ openedMs }) => openedMs === outage.openedMs);
  });
  node.acknowledgements = kept.length === 0 ? null : kept;
}
