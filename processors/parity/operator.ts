import type { AlertOwners } from '../../schemas/alert.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { parseAlertId } from '../engine/operator/incident.ts';
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

/** The prices of one SKU on all channels. */
interface ParityState {
  reference: Observations;
  cells: Cell[];
  /** The next wake that was asked for; 0 when none is. */
  wakeMs: number;
}

/** Channels of one SKU. Beyond it prices are counted, not used. */
const CHANNELS_MAX = 64;

/** Rough sizes for the memory bound. */
const STATE_BYTES = 120;
const CELL_BYTES = 240;
const OBSERVATION_BYTES = 130;

/** Compares the prices of every SKU between channels, in event time; `docs/parity.md` has the rules. */
export function createParityOperator(config: ParityConfig): Operator {
  return defineOperator<ParityState, Rates>({
    name: 'parity',
    stage: 'sku',
    stateVersion: 1,
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
        for (const cell of state.cells) {
          const named = parseAlertId(event.alert_id ?? '', entityOf(event.sku, cell.channel));
          if (named === undefined) continue;
          const look = lookOf(event.sku, state, { config, rates, watermarkMs, output });
          const { event_id: eventId, occurred_at: timeMs } = event;
          takeAcknowledgement(cell, { ...named, eventId, timeMs, actor: event.actor ?? '' }, look);
        }
      },
    },
    wake: (state, sku, output, { watermarkMs, facts: rates }) => {
      if (state.cells.length === 0) return false;
      const look = lookOf(sku, state, { config, rates, watermarkMs, output });
      const due = state.cells.filter((cell) => isDue(cell, look));
      if (due.length === 0) return false;
      for (const cell of due) rewrite(cell, writtenHistory(cell, look), look);
      finish(state, due, { config, look });
      return true;
    },
    // A price holds until another one comes.
    expiresAtMs: () => Number.POSITIVE_INFINITY,
    stateBytes: ({ reference, cells }) =>
      cells.reduce(
        (bytes, { observations }) => bytes + CELL_BYTES + observations.length * OBSERVATION_BYTES,
        STATE_BYTES + reference.length * OBSERVATION_BYTES,
      ),
  });
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
  const { reference } = state;
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
    if (!state.cells.every((cell) => canTake(cell, taken))) {
      output.count('PARITY_PRICE_TOO_OLD');
      return;
    }
    const befores = state.cells.map((cell) =>
      canExtend(cell, taken, look) ? undefined : writtenHistory(cell, look),
    );
    state.reference = insertObservation(state.reference, taken);
    const after = { ...look, reference: state.reference };
    state.cells.forEach((cell, index) => {
      const before = befores[index];
      if (before === undefined) extend(cell, after);
      else rewrite(cell, before, after);
    });
    finish(state, state.cells, { config, look: after });
    return;
  }
  let cell = state.cells.find((each) => each.channel === channel);
  if (cell === undefined) {
    if (state.cells.length >= CHANNELS_MAX) {
      output.count('PARITY_CHANNEL_LIMIT');
      return;
    }
    cell = createCell(channel);
    // In one order whatever the order of arrival.
    state.cells = [...state.cells, cell].toSorted((a, b) => (a.channel < b.channel ? -1 : 1));
  }
  if (!canTake(cell, taken)) {
    output.count('PARITY_PRICE_TOO_OLD');
    return;
  }
  const before = canExtend(cell, taken, look) ? undefined : writtenHistory(cell, look);
  cell.observations = insertObservation(cell.observations, taken);
  if (before === undefined) extend(cell, look);
  else rewrite(cell, before, look);
  finish(state, [cell], { config, look });
}

/** Forgets what can no longer change, and asks for the next wake. */
function finish(
  state: ParityState,
  changed: readonly Cell[],
  { config, look }: { readonly config: ParityConfig; readonly look: Look },
): void {
  const { reference, watermarkMs, output } = look;
  // A minute more, as late events are refused by the minute.
  const horizonMs = watermarkMs - config.allowedLatenessMs - MINUTE_MS;
  const overflowMs = reference[reference.length - OBSERVATIONS_MAX]?.timeMs ?? 0;
  const isFull =
    overflowMs > horizonMs ||
    changed.some(({ observations }) => observations.length >= OBSERVATIONS_MAX);
  if (isFull) output.count('PARITY_HISTORY_FULL');
  const settled = overflowMs > 0 ? state.cells : changed;
  for (const cell of settled) settle(cell, look, Math.max(horizonMs, overflowMs));
  const startMs = Math.min(horizonMs, ...state.cells.map(({ start }) => untilMsOf(start)));
  state.reference = forgetObservations(reference, startMs);
  for (const { nextMs } of state.cells) {
    const isArmed = state.wakeMs > 0 && state.wakeMs > watermarkMs && state.wakeMs <= nextMs;
    if (nextMs === 0 || isArmed) continue;
    state.wakeMs = nextMs;
    output.wakeAt(nextMs);
  }
}
