import type { AddressEvent } from '../../schemas/events/address-event.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { type Operator, type Output, defineOperator } from '../engine/operator/operator.ts';
import type { BotsConfig } from './config.ts';

/** Ten minutes of one address. */
interface Pane {
  /** Start, UTC milliseconds. */
  readonly startMs: number;
  /** Visitors that were there. */
  count: number;
  /** Token and partition of each in turn, flat; null once all of them were told of. */
  visitors: (string | number)[] | null;
}

interface Address {
  /** Oldest first. */
  panes: Pane[];
}

const PANE_MS = 10 * MINUTE_MS;
/** Panes of a window: visitors are counted over half an hour, which slides by ten minutes. */
const WINDOW_PANES = 3;
/** Panes kept of one address, two days of every ten minutes; of more the oldest are forgotten. */
const PANES_MAX = 288;

/**
 * Watches addresses: many visitor ids in a short time from one address are one client that takes a new
 * id at every click, or people behind one address. Which of the two, each visitor's own clicks tell: the
 * judge leaves those alone that do more than such a client does.
 */
export function createAddresses(config: BotsConfig): Operator {
  return defineOperator<Address>({
    name: 'addresses',
    stage: 'address',
    stateVersion: 1,
    createState: () => ({ panes: [] }),
    apply: {
      'weir.internal.address': (address, event, output) => {
        takeVisitor(address, event, output, config);
      },
    },
    expiresAtMs: ({ panes }) => {
      const newestMs = panes.at(-1)?.startMs;
      if (newestMs === undefined) return Number.NEGATIVE_INFINITY;
      return newestMs + (WINDOW_PANES + 1) * PANE_MS + config.allowedLatenessMs;
    },
    stateBytes: ({ panes }) => {
      let bytes = 40;
      for (const { visitors } of panes) bytes += 40 + (visitors?.length ?? 0) * 28;
      return bytes;
    },
  });
}

function takeVisitor(
  address: Address,
  event: AddressEvent,
  output: Output,
  config: BotsConfig,
): void {
  const pane = paneAt(address, event.occurred_at);
  pane.count += 1;
  const visitor = [event.visitor_id, event.visitor_partition];
  if (pane.visitors === null) mark(event, event.occurred_at, visitor, output);
  // A concatenated list is as long as its elements; one that was pushed to has room for sixteen more.
  else pane.visitors = pane.visitors.concat(visitor);
  const { panes } = address;
  for (let offset = 0; offset < WINDOW_PANES; offset += 1) {
    const fromMs = event.occurred_at - offset * PANE_MS;
    const window = panes.filter(
      ({ startMs }) => startMs >= fromMs && startMs < fromMs + WINDOW_PANES * PANE_MS,
    );
    const count = window.reduce((sum, each) => sum + each.count, 0);
    if (count < config.addressVisitors) continue;
    for (const crowded of window) {
      const { visitors, startMs } = crowded;
      crowded.visitors = null;
      if (visitors !== null) mark(event, startMs, visitors, output);
    }
  }
}

function paneAt(address: Address, startMs: number): Pane {
  const { panes } = address;
  let at = panes.length;
  while (at > 0 && (panes[at - 1]?.startMs ?? 0) > startMs) at -= 1;
  const known = panes[at - 1];
  if (known?.startMs === startMs) return known;
  const pane: Pane = { startMs, count: 0, visitors: [] };
  const kept = panes.length < PANES_MAX ? 0 : 1;
  address.panes = panes.toSpliced(at, 0, pane).slice(kept);
  return pane;
}

/** Tells the visitors what their address has shown. */
function mark(
  { address }: AddressEvent,
  startMs: number,
  visitors: readonly (string | number)[],
  output: Output,
): void {
  for (let at = 0; at < visitors.length; at += 2) {
    const visitor = String(visitors[at]);
    const evidence = `${address}/${startMs / PANE_MS}`;
    output.forward(
      'weir.internal.visitor',
      { partition: Number(visitors[at + 1]) },
      {
        event_id: `${visitor}/${evidence}`,
        occurred_at: startMs,
        source: 'bots',
        visitor_id: visitorToken(visitor),
        kind: 'marked',
        evidence,
        revision: 1,
        about: startMs,
        reason: 'address',
        actor: null,
      },
    );
  }
}
