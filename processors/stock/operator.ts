import type { AlertOwners } from '../../schemas/alert.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { parseAlertId } from '../engine/operator/incident.ts';
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
  nodeBytesOf,
  takeAcknowledgement,
  takeChange,
  takeCount,
  takeSequenceNumber,
  writeCurrent,
} from './node.ts';
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
}

/** The stock of one SKU at all nodes. */
interface StockState {
  /** Rising by node id. */
  nodes: StockNode[];
  bytes: number;
}

/** Nodes of one SKU: a large chain's stores and warehouses. Beyond it events are counted, not used. */
const NODES_MAX = 4_096;

/** Follows the stock of every SKU × node, in event time; `docs/stock.md` has the rules. */
export function createStockLevels(config: StockLevelsConfig): Operator {
  return defineOperator<StockState>({
    name: 'stock',
    stage: 'sku',
    stateVersion: 1,
    createState: () => ({ nodes: [], bytes: 0 }),
    apply: {
      'weir.inventory': (state, event, output, record) => {
        takeInventory({ state, config }, event, arrivalOf(event, output, record, config));
      },
      'weir.internal.sku': (state, event, output, record) => {
        takeSkuEvent(state, event, arrivalOf(event, output, record, config));
      },
    },
    // What is on the shelf has no end: the row stays true until something moves.
    expiresAtMs: () => Number.POSITIVE_INFINITY,
    stateBytes: ({ bytes }) => bytes,
  });
}

function arrivalOf(
  event: Inventory | SkuEvent,
  output: Output,
  record: RecordContext,
  config: StockLevelsConfig,
): Arrival {
  return {
    sku: event.sku,
    timeMs: event.occurred_at,
    // A minute more, as late events are refused by the minute.
    horizonMs: record.watermarkMs - config.allowedLatenessMs - MINUTE_MS,
    output,
    owner: config.owners.stockout,
  };
}

function takeInventory(
  { state, config }: { readonly state: StockState; readonly config: StockLevelsConfig },
  event: Inventory,
  arrival: Arrival,
): void {
  const hasNumber = event.seq !== null && config.sequenceGaps;
  if (!hasNumber && event.kind !== 'count' && event.kind !== 'movement') return;
  const nodeId = nodeIdOf(event) ?? DEFAULT_NODE_ID;
  withNode(state, nodeId, arrival, (node) => {
    if (event.kind === 'count' && event.on_hand !== null) {
      const count = {
        timeMs: event.occurred_at,
        eventId: event.event_id,
        onHand: event.on_hand,
        reserved: event.reserved ?? 0,
        safety: event.safety ?? 0,
      };
      takeCount(node, count, arrival);
    } else if (event.kind === 'movement' && event.quantity !== null) {
      takeChange(node, event.quantity, arrival);
    } else if (event.kind === 'count' || event.kind === 'movement') {
      arrival.output.count('STOCK_UNITS_MISSING');
    }
    if (event.seq !== null && config.sequenceGaps) {
      takeSequenceNumber(node, { source: event.source, seq: event.seq }, arrival);
    }
  });
}

function takeSkuEvent(state: StockState, event: SkuEvent, arrival: Arrival): void {
  const nodeId = nodeIdOf(event) ?? DEFAULT_NODE_ID;
  switch (event.kind) {
    case 'sold':
    case 'restored': {
      const units = event.kind === 'sold' ? -event.quantity : event.quantity;
      withNode(state, nodeId, arrival, (node) => {
        takeChange(node, units, arrival);
      });
      return;
    }
    case 'acknowledged': {
      const named = parseAlertId(event.alert_id ?? '', [event.sku, nodeId]);
      if (named?.kind !== 'stockout') {
        arrival.output.count('STOCK_ALERT_UNKNOWN');
        return;
      }
      const acknowledgement = {
        eventId: event.event_id,
        timeMs: event.occurred_at,
        actor: event.actor ?? '',
        ...named,
      };
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
  const at = positionOf(state.nodes, nodeId);
  let node = state.nodes[at];
  if (node?.nodeId !== nodeId) {
    if (state.nodes.length >= NODES_MAX) {
      arrival.output.count('STOCK_NODE_LIMIT');
      return;
    }
    node = createNode(nodeId);
    // A concatenated list is as long as its elements; one that was pushed to has room for seventeen.
    state.nodes = state.nodes.slice(0, at).concat(node, state.nodes.slice(at));
    state.bytes += nodeBytesOf(node);
  }
  const bytesBefore = nodeBytesOf(node);
  take(node);
  state.bytes += nodeBytesOf(node) - bytesBefore;
  writeCurrent(node, arrival);
}

/** Where the node is, or where it would be inserted. */
function positionOf(nodes: readonly StockNode[], nodeId: string): number {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((nodes[middle]?.nodeId ?? nodeId) < nodeId) low = middle + 1;
    else high = middle;
  }
  return low;
}
