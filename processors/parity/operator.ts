import type { AlertOwners } from '../../schemas/alert.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { acknowledgementOf } from '../engine/operator/incident.ts';
import { type Operator, type Output, defineOperator } from '../engine/operator/operator.ts';
import {
  type Cell,
  type Look,
  OBSERVATIONS_MAX,
  canTake,
  canExtend,
  createCell,
  extend,
  isForeign,
  rewrite,
  settle,
  takeAcknowledgement,
  writtenHistory,
} from './cell.ts';
import type { ParityRules } from './history.ts';
import { entityOf } from './incident.ts';
import {
  type Observation,
  type Observations,
  forgetObservations,
  insertObservation,
} from './observations.ts';
import {
  type StoredCell,
  type StoredObservations,
  isOfChannel,
  nextMsOf,
  openCell,
  openObservations,
  storedCell,
  storedObservations,
} from './packed-cell.ts';
import { type Rates, createRates, takeRate } from './rates.ts';
import { untilMsOf } from './standing.ts';

/** What the parity operator may be told. */
export interface ParityConfig extends ParityRules {
  /** How far behind the watermark an event may still arrive, milliseconds. */
  readonly allowedLatenessMs: number;
  /** The sales channel whose prices all others are compared with. */
  readonly referenceChannel: string;
  /** Tax inside the prices of a channel that says `tax_included`, in hundredths of a percent. */
  readonly taxBasisPointsOf: ReadonlyMap<string, number>;
  /** Who is responsible for incidents. */
  readonly owners: AlertOwners;
}

/** The prices of one SKU on all channels, as they are stored. */
interface ParityState {
  reference: StoredObservations;
  cells: StoredCell[];
  /** The next wake that was asked for; 0 when none is. */
  wakeMs: number;
}

/** Channels of one SKU. Beyond it prices are counted, not used. */
const CHANNELS_MAX = 64;

/** Rough sizes for the memory bound. */
const PACKED_BYTES = 24;
const STATE_BYTES = 120;
const CELL_BYTES = 240;
const OBSERVATION_BYTES = 130;

/** Compares the prices of every SKU between channels, in event time; `docs/parity.md` has the rules. */
export function createParityOperator(config: ParityConfig): Operator {
  return defineOperator<ParityState, Rates>({
    name: 'parity',
    stage: 'sku',
    stateVersion: 4,
    createState: () => ({ reference: [], cells: [], wakeMs: 0 }),
    facts: {
      create: createRates,
      take: (rates, event, { watermarkMs }) =>
        takeRate(rates, event, { watermarkMs, allowedLatenessMs: config.allowedLatenessMs }),
    },
    apply: {
      'weir.inventory': (state, event, output, { watermarkMs }, rates) => {
        if (event.kind !== 'price') return;
        const taken = observationOf(event, config, output);
        if (taken === undefined || event.channel === null) return;
        const look = lookOf(event.sku, state, { config, rates, watermarkMs, output });
        takeObservation(state, event.channel, taken, { config, look });
      },
      'weir.internal.sku': (state, event, output, { watermarkMs }, rates) => {
        if (event.kind !== 'acknowledged') return;
        for (const [index, stored] of state.cells.entries()) {
          const cell = openCell(stored);
          const taken = acknowledgementOf(event, entityOf(event.sku, cell.channel));
          if (taken === undefined) continue;
          const look = lookOf(event.sku, state, { config, rates, watermarkMs, output });
          takeAcknowledgement(cell, taken, look);
          state.cells[index] = storedCell(cell);
        }
      },
    },
    wake: (state, sku, output, { watermarkMs, facts: rates }) => {
      if (state.cells.length === 0) return false;
      const look = lookOf(sku, state, { config, rates, watermarkMs, output });
      const due = openedCells(state).filter(({ cell }) => isDue(cell, look));
      for (const { cell } of due) rewrite(cell, writtenHistory(cell, look), look);
      const { wakeMs } = state;
      // Also when nothing is due yet: what this wake was asked for may have moved on since.
      finish(state, due, { config, look });
      return due.length > 0 || state.wakeMs !== wakeMs;
    },
    // A price holds until another one comes.
    expiresAtMs: () => Number.POSITIVE_INFINITY,
    stateBytes: ({ reference, cells }) => {
      let bytes = STATE_BYTES + bytesOf(reference);
      for (const cell of cells) {
        bytes += typeof cell === 'string' ? bytesOf(cell) : CELL_BYTES + bytesOf(cell.observations);
      }
      return bytes;
    },
  });
}

function bytesOf(stored: StoredObservations): number {
  return typeof stored === 'string'
    ? PACKED_BYTES + stored.length
    : stored.length * OBSERVATION_BYTES;
}

/** A cell that was opened, and its place. */
interface Opened {
  readonly index: number;
  readonly cell: Cell;
}

function openedCells({ cells }: ParityState): readonly Opened[] {
  return cells.map((stored, index) => ({ index, cell: openCell(stored) }));
}

/** Whether time or a new rate may have changed something in the cell. */
function isDue(cell: Cell, { rates, reference, watermarkMs }: Look): boolean {
  if (cell.nextMs > 0 && cell.nextMs <= watermarkMs) return true;
  return cell.ratesVersion !== rates.version && isForeign(cell, reference);
}

/** The observation in a price event; undefined, and counted, when it cannot be used. */
function observationOf(
  event: Inventory,
  config: ParityConfig,
  output: Output,
): Observation | undefined {
  const { price_minor: priceMinor, currency, channel, tax_included: isTaxed } = event;
  if (priceMinor === null || currency === null || channel === null || channel === '') {
    output.count('PARITY_PRICE_INCOMPLETE');
    return undefined;
  }
  if (priceMinor <= 0) {
    output.count('PARITY_PRICE_NOT_POSITIVE');
    return undefined;
  }
  const taxBasisPoints = isTaxed === true ? config.taxBasisPointsOf.get(channel) : 0;
  if (taxBasisPoints === undefined) {
    output.count('PARITY_TAX_UNKNOWN');
    return undefined;
  }
  return {
    timeMs: event.occurred_at,
    eventId: event.event_id,
    priceMinor,
    currency,
    taxBasisPoints,
    promoId: event.promo_id ?? '',
  };
}

function lookOf(
  sku: string,
  state: ParityState,
  context: {
    readonly config: ParityConfig;
    readonly rates: Rates;
    readonly watermarkMs: number;
    readonly output: Output;
  },
): Look {
  const { config, rates, watermarkMs, output } = context;
  const { referenceChannel, owners } = config;
  const reference = openObservations(state.reference);
  return { sku, reference, rates, rules: config, watermarkMs, referenceChannel, owners, output };
}

function takeObservation(
  state: ParityState,
  channel: string,
  taken: Observation,
  { config, look }: { readonly config: ParityConfig; readonly look: Look },
): void {
  const { output } = look;
  if (channel === config.referenceChannel) {
    takeReference(state, taken, { config, look });
    return;
  }
  let index = state.cells.findIndex((each) => isOfChannel(each, channel));
  if (index < 0) {
    if (state.cells.length >= CHANNELS_MAX) {
      output.count('PARITY_CHANNEL_LIMIT');
      return;
    }
    index = insertCell(state, channel);
  }
  const cell = openCell(state.cells[index] ?? createCell(channel));
  if (!canTake(cell, taken)) {
    output.count('PARITY_PRICE_TOO_OLD');
    return;
  }
  const before = canExtend(cell, taken, look) ? undefined : writtenHistory(cell, look);
  cell.observations = insertObservation(cell.observations, taken);
  if (before === undefined) extend(cell, look);
  else rewrite(cell, before, look);
  finish(state, [{ index, cell }], { config, look });
}

/** Adds an empty cell, by channel, so that their order does not depend on the order of arrival. */
function insertCell(state: ParityState, channel: string): number {
  const channels = state.cells.map((each) => openCell(each).channel);
  const index = channels.filter((other) => other < channel).length;
  state.cells = state.cells
    .slice(0, index)
    .concat(storedCell(createCell(channel)), state.cells.slice(index));
  return index;
}

/** Takes a price of the reference channel, which concerns every other. */
function takeReference(
  state: ParityState,
  taken: Observation,
  { config, look }: { readonly config: ParityConfig; readonly look: Look },
): void {
  const opened = openedCells(state);
  if (!opened.every(({ cell }) => canTake(cell, taken))) {
    look.output.count('PARITY_PRICE_TOO_OLD');
    return;
  }
  const befores = opened.map(({ cell }) =>
    canExtend(cell, taken, look) ? undefined : writtenHistory(cell, look),
  );
  const after = { ...look, reference: insertObservation(look.reference, taken) };
  for (const { index, cell } of opened) {
    const before = befores[index];
    if (before === undefined) extend(cell, after);
    else rewrite(cell, before, after);
  }
  finish(state, opened, { config, look: after });
  // Only now are all cells open that say from where on it is needed.
  const startMs = opened.reduce(
    (oldest, { cell }) => Math.min(oldest, untilMsOf(cell.start)),
    Infinity,
  );
  const endMs = Math.max(horizonMsOf(config, look), overflowMsOf(after.reference));
  state.reference = storedObservations(
    forgetObservations(after.reference, Math.min(endMs, startMs)),
  );
}

/** Until when there are more observations than are kept; 0 when there are not. */
function overflowMsOf(observations: Observations): number {
  return observations[observations.length - OBSERVATIONS_MAX]?.timeMs ?? 0;
}

/** A minute more than the allowed lateness, as late events are refused by the minute. */
function horizonMsOf({ allowedLatenessMs }: ParityConfig, { watermarkMs }: Look): number {
  return watermarkMs - allowedLatenessMs - MINUTE_MS;
}

/** Forgets what can no longer change, stores what has, and asks for the next wake. */
function finish(
  state: ParityState,
  changed: readonly Opened[],
  { config, look }: { readonly config: ParityConfig; readonly look: Look },
): void {
  const { reference, watermarkMs, output } = look;
  const horizonMs = horizonMsOf(config, look);
  const overflowMs = overflowMsOf(reference);
  // Seldom, because it takes a walk: every cell then lets go of the older half.
  const isForced = reference.length >= 2 * OBSERVATIONS_MAX;
  const isFull =
    overflowMs > horizonMs ||
    changed.some(({ cell }) => cell.observations.length >= OBSERVATIONS_MAX);
  if (isFull) output.count('PARITY_HISTORY_FULL');
  for (const { index, cell } of changed) {
    settle(cell, look, { horizonMs: Math.max(horizonMs, overflowMs), isForced });
    state.cells[index] = storedCell(cell);
  }
  const isArmed = state.wakeMs > 0 && state.wakeMs > watermarkMs;
  let nextMs = Number.POSITIVE_INFINITY;
  // The wake that has passed may have been for any of them.
  for (const cell of isArmed ? changed.map((each) => each.cell) : state.cells) {
    const cellMs = nextMsOf(cell);
    if (cellMs > 0) nextMs = Math.min(nextMs, cellMs);
  }
  if (nextMs === Number.POSITIVE_INFINITY || (isArmed && state.wakeMs <= nextMs)) return;
  state.wakeMs = nextMs;
  output.wakeAt(nextMs);
}
