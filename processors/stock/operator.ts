import type { AlertOwners } from '../../schemas/alert.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { acknowledgementOf } from '../engine/operator/incident.ts';
import {
  type Operator,
  type Output,
  type RecordContext,
  defineOperator,
} from '../engine/operator/operator.ts';
import {
  type Arrival,
  type StockNode,
  createNode,
  incidentsOfNode,
  takeAcknowledgement,
  takeChange,
  takeCount,
  takeInbound,
  takeSequenceNumber,
  writeCurrent,
  writeSince,
} from './node.ts';
import { type StoredNode, nodeBytesOf, openNode, storedNode, storedNodeId } from './packed-node.ts';
import { type StoredPrices, withPrice } from './prices.ts';
import type { StockRules } from './risk.ts';
import { DEFAULT_NODE_ID, nodeIdOf } from './row.ts';

/** What the stock operator may be told. */
export interface StockLevelsConfig {
  /** How far behind the watermark an event may still arrive, milliseconds. */
  readonly allowedLatenessMs: number;
  /**
   * Whether a missing sequence number makes a node STALE. Sources that number across SKUs would be
   * STALE all the time: turn it off for them, or leave `seq` out.
   */
  readonly sequenceGaps: boolean;
  readonly owners: AlertOwners;
  readonly rules: StockRules;
  /** Share of lost sales that another item takes over, 0 to 1. */
  readonly substitutionShare: number;
  /** The channel whose list prices lost sales are valued at. */
  readonly priceChannel: string;
}

/** The stock of one SKU at all nodes. */
interface StockState {
  /** Rising by node id; the only one stands for itself, as a list of one takes a fifth of its memory more. */
  nodes: StoredNode | StoredNode[];
  prices: StoredPrices;
}

/** Rough size of a state without its nodes, for the memory bound. */
const STATE_BYTES = 100;

/** Nodes of one SKU: a large chain's stores and warehouses. Beyond it events are counted, not used. */
const NODES_MAX = 4_096;

/** Follows the stock of every SKU × node, in event time; `docs/stock.md` has the rules. */
export function createStockLevels(config: StockLevelsConfig): Operator {
  return defineOperator<StockState>({
    name: 'stock',
    stage: 'sku',
    stateVersion: 6,
    createState: () => ({ nodes: [], prices: '' }),
    apply: {
      'weir.inventory': (state, event, output, record) => {
        takeInventory(
          { state, config },
          event,
          arrivalOf(event, output, record, { state, config }),
        );
      },
      'weir.internal.sku': (state, event, output, record) => {
        takeSkuEvent(state, event, arrivalOf(event, output, record, { state, config }));
      },
    },
    // What is on the shelf has no end: the row stays true until something moves.
    expiresAtMs: () => Number.POSITIVE_INFINITY,
    stateBytes: (state) =>
      nodesOf(state).reduce(
        (bytes, node) => bytes + nodeBytesOf(node),
        STATE_BYTES + state.prices.length,
      ),
  });
}

function nodesOf({ nodes }: StockState): readonly StoredNode[] {
  return Array.isArray(nodes) ? nodes : [nodes];
}

function arrivalOf(
  event: Inventory | SkuEvent,
  output: Output,
  record: RecordContext,
  { state, config }: { readonly state: StockState; readonly config: StockLevelsConfig },
): Arrival {
  return {
    sku: event.sku,
    timeMs: event.occurred_at,
    // A minute more, as late events are refused by the minute.
    horizonMs: record.watermarkMs - config.allowedLatenessMs - MINUTE_MS,
    latenessMs: config.allowedLatenessMs + MINUTE_MS,
    output,
    owners: config.owners,
    rules: config.rules,
    substitutionShare: config.substitutionShare,
    prices: state.prices,
  };
}

function takeInventory(
  { state, config }: { readonly state: StockState; readonly config: StockLevelsConfig },
  event: Inventory,
  arrival: Arrival,
): void {
  if (event.kind === 'price') takePrice(state, event, { config, arrival });
  const hasNumber = event.seq !== null && config.sequenceGaps;
  const hasUnits = event.kind === 'count' || event.kind === 'movement' || event.kind === 'inbound';
  if (!hasNumber && !hasUnits) return;
  const nodeId = nodeIdOf(event) ?? DEFAULT_NODE_ID;
  withNode(state, nodeId, arrival, (node) => {
    if (!takeUnits(node, event, arrival) && hasUnits) arrival.output.count('STOCK_UNITS_MISSING');
    if (event.seq !== null && config.sequenceGaps) {
      takeSequenceNumber(node, { source: event.source, seq: event.seq }, arrival);
    }
  });
}

/** Takes a count, a movement or an announced delivery; false when it does not say what it has to. */
function takeUnits(node: StockNode, event: Inventory, arrival: Arrival): boolean {
  const leadDays = Math.max(0, event.lead_time_days ?? 0);
  if (event.kind === 'count' && event.on_hand !== null) {
    const count = {
      timeMs: event.occurred_at,
      eventId: event.event_id,
      onHand: event.on_hand,
      reserved: event.reserved ?? 0,
      safety: event.safety ?? 0,
      leadDays,
    };
    takeCount(node, count, arrival);
    return true;
  }
  if (event.kind === 'movement' && event.quantity !== null) {
    takeChange(node, { units: event.quantity, demand: 0 }, arrival);
    return true;
  }
  if (event.kind === 'inbound' && event.quantity !== null && event.due_at !== null) {
    takeInbound(node, { dueMs: event.due_at, units: event.quantity, leadDays }, arrival);
    return true;
  }
  return false;
}

/** Takes a list price, which changes what the stockouts of every node have cost. */
function takePrice(
  state: StockState,
  event: Inventory,
  { config, arrival }: { readonly config: StockLevelsConfig; readonly arrival: Arrival },
): void {
  const { price_minor: amountMinor, currency, channel } = event;
  if (amountMinor === null || currency === null || event.promo_id !== null) return;
  if (channel !== null && channel !== config.priceChannel) return;
  const price = {
    timeMs: event.occurred_at,
    eventId: event.event_id,
    amountMinor,
    currency,
  };
  const nodes = nodesOf(state).map((stored) => openNode(stored));
  const before = nodes.map((node) => incidentsOfNode(node, arrival));
  // A stockout is valued at the price of when it was last heard of, which may be long ago.
  const openings = before.flatMap(({ stockout }) => stockout.map(({ spell }) => spell.openedMs));
  const { horizonMs } = arrival;
  const fromMs = Math.min(horizonMs, ...openings);
  state.prices = withPrice(state.prices, price, { fromMs, horizonMs });
  const after = { ...arrival, prices: state.prices };
  for (const [index, node] of nodes.entries()) {
    const incidents = before[index];
    if (incidents !== undefined) writeSince(incidents, node, after);
  }
}

function takeSkuEvent(state: StockState, event: SkuEvent, arrival: Arrival): void {
  const nodeId = nodeIdOf(event) ?? DEFAULT_NODE_ID;
  switch (event.kind) {
    case 'sold':
    case 'restored': {
      const units = event.kind === 'sold' ? -event.quantity : event.quantity;
      withNode(state, nodeId, arrival, (node) => {
        takeChange(node, { units, demand: event.demand }, arrival);
      });
      return;
    }
    case 'rate':
    case 'promised':
      return;
    case 'acknowledged': {
      const acknowledgement = acknowledgementOf(event, [event.sku, nodeId]);
      if (acknowledgement?.kind !== 'stockout' && acknowledgement?.kind !== 'at_risk') {
        arrival.output.count('STOCK_ALERT_UNKNOWN');
        return;
      }
      withNode(state, nodeId, arrival, (node) => {
        takeAcknowledgement(node, acknowledgement, arrival);
      });
      return;
    }
  }
}

/** Runs `take` on the node, which is created when it is new, and writes its current row. */
function withNode(
  state: StockState,
  nodeId: string,
  arrival: Arrival,
  take: (node: StockNode) => void,
): void {
  const nodes = nodesOf(state);
  const at = positionOf(nodes, nodeId);
  const stored = nodes[at];
  let node = stored === undefined ? undefined : openNode(stored);
  const isNew = node?.nodeId !== nodeId;
  if (node === undefined || isNew) {
    if (nodes.length >= NODES_MAX) {
      arrival.output.count('STOCK_NODE_LIMIT');
      return;
    }
    node = createNode(nodeId);
  }
  take(node);
  writeCurrent(node, arrival);
  const after = storedNode(node);
  // A concatenated list is as long as its elements; one that was pushed to has room for seventeen.
  if (isNew) {
    state.nodes = nodes.length === 0 ? after : nodes.slice(0, at).concat(after, nodes.slice(at));
  } else if (Array.isArray(state.nodes)) state.nodes[at] = after;
  else state.nodes = after;
}

/** Where the node is, or where it would be inserted. */
function positionOf(nodes: readonly StoredNode[], nodeId: string): number {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = nodes[middle];
    if (other !== undefined && storedNodeId(other) < nodeId) low = middle + 1;
    else high = middle;
  }
  return low;
}
