import type { Random } from '../../bench/shop/random.ts';
import type { AppendBatch } from '../../processors/engine/log/log.ts';
import { CLICK_KINDS, type Click } from '../../schemas/events/click.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import type { Order } from '../../schemas/events/order.ts';
import type { Reference } from '../../schemas/events/reference.ts';
import { VISITOR_EVENT_KINDS, type VisitorEvent } from '../../schemas/events/visitor-event.ts';
import { encodeEvent } from '../../schemas/events/wire.ts';
import { partitionOf, visitorToken } from '../../schemas/ids.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { CRAWLER_AGENT } from '../doubles/bots.ts';
import { buildReference } from '../laws/event-builders.ts';
import type { Faults } from './faults.ts';

/** Partitions of the simulated node: two are enough for tasks to differ. */
export const PARTITIONS = 2;
/** How late an event may be in the simulation: short, so that windows become final within a run. */
export const ALLOWED_LATENESS_MS = HOUR_MS;
export const OUT_OF_ORDERNESS_MS = MINUTE_MS;
/** A campaign that makes the simulation's own operator throw. */
export const POISON_CAMPAIGN = 'poison';

const VISITORS = ['v-ann', 'v-bob', 'v-cid', 'v-dee', 'v-eve'];
const CHANNELS = ['direct', 'search', 'social', 'amazon'];
const SKUS = ['cup', 'pot'];
/** The reference channel, twice as likely as each other one, as it concerns all. */
const PRICE_CHANNELS = ['dtc', 'dtc', 'amazon', 'messaging'];
const EVENT_STEP_MS_MAX = 15 * MINUTE_MS;

/** Draws the events of one run, in the order in which their senders send them. */
export class Workload {
  readonly #random: Random;
  readonly #faults: Faults;
  readonly #sent: AppendBatch[] = [];
  readonly #orders: Order[] = [];
  /** Whose click had an id first. */
  readonly #clickOwners = new Map<string, string>();
  readonly #links: Random;
  /** How likely ids turn out to be one visitor; in some runs never. */
  readonly #linkChance: number;
  readonly #prices: Random;
  /** How likely an event of a SKU is a price, or an exchange rate; in some runs never. */
  readonly #priceChance: number;
  #eventMs: number;
  #next = 0;

  constructor(
    {
      random,
      links,
      prices,
    }: { readonly random: Random; readonly links: Random; readonly prices: Random },
    faults: Faults,
    startMs: number,
  ) {
    this.#random = random;
    this.#faults = faults;
    this.#eventMs = startMs;
    this.#links = links;
    this.#linkChance = links.chance(0.4) ? 0 : links.unit();
    this.#prices = prices;
    this.#priceChance = prices.chance(0.3) ? 0 : prices.unit();
  }

  /** The next batch on its way into the log. */
  next(nowMs: number): AppendBatch {
    const repeated = this.#sent[this.#random.below(Math.max(1, this.#sent.length))];
    if (repeated !== undefined && this.#faults.strikes('duplicate_record')) return repeated;
    const batch = this.#faults.strikes('damaged_record') ? this.#damaged() : this.#fresh(nowMs);
    this.#sent.push(batch);
    return batch;
  }

  #fresh(nowMs: number): AppendBatch {
    const step = this.#random.below(EVENT_STEP_MS_MAX);
    this.#eventMs = Math.min(this.#eventMs + step, nowMs - SECOND_MS);
    const isImport = this.#faults.strikes('import_of_history');
    const occurredMs = this.#occurredMs(nowMs, isImport);
    const id = this.#faults.strikes('conflicting_record')
      ? this.#random.below(this.#next + 1)
      : this.#next;
    this.#next += 1;
    const batch = this.#draw(`e${id}`, occurredMs);
    return isImport ? { ...batch, importName: 'history' } : batch;
  }

  #occurredMs(nowMs: number, isImport: boolean): number {
    if (isImport) return this.#eventMs - this.#random.below(30 * HOUR_MS);
    if (this.#faults.strikes('future_event')) return nowMs + 2 * HOUR_MS;
    if (this.#faults.strikes('late_event'))
      return this.#eventMs - this.#random.below(3 * ALLOWED_LATENESS_MS);
    if (this.#faults.strikes('out_of_order_event'))
      return this.#eventMs - this.#random.below(OUT_OF_ORDERNESS_MS);
    return this.#eventMs;
  }

  #draw(eventId: string, occurredMs: number): AppendBatch {
    const draw = this.#random.below(10);
    if (draw === 0 && this.#random.chance(0.5)) return this.#verdict(eventId, occurredMs);
    if (draw === 1 && this.#links.chance(this.#linkChance)) return this.#link(eventId, occurredMs);
    if (draw < 6) return this.#click(eventId, occurredMs);
    if (draw < 8) return this.#order(eventId, occurredMs);
    const inventory = this.#inventory(eventId, occurredMs);
    if (!this.#prices.chance(this.#priceChance)) return this.#batchOf(inventory);
    return this.#prices.chance(0.2)
      ? this.#rate(eventId, occurredMs)
      : this.#batchOf(this.#price(inventory));
  }

  #click(eventId: string, occurredMs: number): AppendBatch {
    const visitor = this.#pick(VISITORS);
    const click: Click = {
      event_id: this.#clickId(eventId, visitor),
      occurred_at: occurredMs,
      source: 'simulation',
      seq: null,
      visitor_id: visitorToken(visitor),
      session_id: null,
      kind: this.#pick(CLICK_KINDS),
      channel: this.#pick(CHANNELS),
      campaign: this.#faults.strikes('poison_event')
        ? POISON_CAMPAIGN
        : this.#pick(['spring', null]),
      sku: null,
      url: null,
      referrer: null,
      ip: this.#pick(['home', 'office', null]),
      user_agent: null,
      agent: this.#random.chance(0.02) ? CRAWLER_AGENT : null,
      network: null,
      region: null,
      signed_in: null,
      server_side: null,
      prefetch: null,
      pointer: null,
      arm: null,
      consent: null,
    };
    return this.#batch('weir.clicks', visitor, encodeEvent('weir.clicks', click));
  }

  /**
   * Two visitors may use one id while nobody knows that they are one; of their two clicks one counts from
   * then on, the one that came first (docs/identity.md). So where ids are linked each has ids of its own.
   */
  #clickId(eventId: string, visitor: string): string {
    const owner = this.#clickOwners.get(eventId) ?? visitor;
    this.#clickOwners.set(eventId, owner);
    return owner === visitor || this.#linkChance === 0 ? eventId : `${eventId}/${visitor}`;
  }

  #verdict(eventId: string, occurredMs: number): AppendBatch {
    const visitor = this.#pick(VISITORS);
    const event: VisitorEvent = {
      event_id: eventId,
      occurred_at: occurredMs,
      source: 'simulation',
      visitor_id: visitorToken(visitor),
      kind: this.#pick(VISITOR_EVENT_KINDS),
      evidence: this.#pick(['a', 'b']),
      // The same evidence says one thing per number.
      revision: this.#next,
      about: occurredMs,
      reason: 'person',
      actor: null,
    };
    return this.#batch(
      'weir.internal.visitor',
      visitor,
      encodeEvent('weir.internal.visitor', event),
    );
  }

  #link(eventId: string, occurredMs: number): AppendBatch {
    const from = pick(VISITORS, this.#links);
    const into = pick(VISITORS, this.#links);
    return this.#reference({
      event_id: eventId,
      occurred_at: occurredMs,
      subject: 'link',
      kind: 'identity',
      visitor_id: visitorToken(from),
      into: visitorToken(into),
      visitor_partition: partitionOf(from, PARTITIONS),
      into_partition: partitionOf(into, PARTITIONS),
    });
  }

  #rate(eventId: string, occurredMs: number): AppendBatch {
    return this.#reference({
      event_id: eventId,
      occurred_at: occurredMs,
      subject: 'EUR/RON',
      kind: 'fx',
      base: 'EUR',
      quote: 'RON',
      rate: pick([4.97, 5, 5.2], this.#prices),
    });
  }

  #reference(fields: Partial<Reference>): AppendBatch {
    const value = encodeEvent('weir.reference', buildReference(fields));
    return { topic: 'weir.reference', partition: 0, values: [value] };
  }

  /** A price in place of a change of units; gaps are nothing, half a percent, and far out. */
  #price(inventory: Inventory): Inventory {
    const channel = pick(PRICE_CHANNELS, this.#prices);
    const isForeign = channel === 'messaging' && this.#prices.chance(0.8);
    const amount = pick([10_000, 10_000, 10_050, 9_000], this.#prices);
    return {
      ...inventory,
      kind: 'price',
      channel,
      price_minor: isForeign ? amount * 5 : amount,
      currency: isForeign ? 'RON' : 'EUR',
      promo_id: this.#prices.chance(0.1) ? 'sale' : null,
      on_hand: null,
      reserved: null,
      quantity: null,
    };
  }

  #order(eventId: string, occurredMs: number): AppendBatch {
    const earlier = this.#orders[this.#random.below(Math.max(1, this.#orders.length))];
    const status =
      earlier === undefined
        ? 'placed'
        : this.#pick(['placed', 'placed', 'returned', 'cancelled'] as const);
    // From the event's number: further draws would change what the seeds of found defects draw.
    const number = this.#next;
    const isNew = earlier === undefined || status === 'placed';
    const order: Order = {
      event_id: eventId,
      occurred_at: occurredMs,
      source: 'simulation',
      seq: null,
      // Not from the event id, which in conflicting records may be that of another visitor's order.
      order_id: isNew ? `o-${number}` : earlier.order_id,
      status: status === 'returned' && number % 2 === 0 ? 'delivered' : status,
      visitor_id: isNew ? visitorToken(this.#pick(VISITORS)) : earlier.visitor_id,
      customer_id: null,
      sales_channel: isNew ? this.#pick(['dtc', 'amazon']) : earlier.sales_channel,
      currency: 'EUR',
      lines: isNew
        ? this.#lines()
        : earlier.lines.slice(0, 1).map((line) => ({ ...line, quantity: 1 })),
      region: null,
      zone: number % 3 === 0 ? 'urban' : null,
      fulfilment: number % 5 === 0 ? 'pickup' : null,
      node_id: null,
      due_at: number % 4 === 0 ? null : occurredMs + HOUR_MS,
      promo_id: null,
      reason: number % 7 === 0 ? 'damaged' : null,
    };
    if (isNew) this.#orders.push(order);
    return this.#batch('weir.orders', order.visitor_id, encodeEvent('weir.orders', order));
  }

  #lines(): Order['lines'] {
    return Array.from({ length: 1 + this.#random.below(2) }, (_, index) => ({
      line_id: String(index + 1),
      sku: this.#pick(SKUS),
      quantity: 1 + this.#random.below(3),
      unit_price_minor: 100 + this.#random.below(900),
      unit_cost_minor: this.#pick([50, null]),
    }));
  }

  #inventory(eventId: string, occurredMs: number): Inventory {
    const sku = this.#pick(SKUS);
    const isCount = this.#random.chance(0.3);
    return {
      event_id: eventId,
      occurred_at: occurredMs,
      source: 'simulation',
      seq: null,
      sku,
      kind: isCount ? 'count' : 'movement',
      node_id: null,
      channel: null,
      on_hand: isCount ? this.#random.below(12) : null,
      reserved: isCount ? this.#random.below(2) : null,
      safety: null,
      quantity: isCount ? null : this.#random.below(9) - 3,
      lead_time_days: null,
      due_at: null,
      price_minor: null,
      currency: null,
      tax_included: null,
      promo_id: null,
      capacity: null,
      used: null,
    };
  }

  #batchOf(event: Inventory): AppendBatch {
    return this.#batch('weir.inventory', event.sku, encodeEvent('weir.inventory', event));
  }

  #damaged(): AppendBatch {
    const bytes = Buffer.from(
      Array.from({ length: 1 + this.#random.below(30) }, () => this.#random.below(256)),
    );
    return { topic: 'weir.clicks', partition: this.#random.below(PARTITIONS), values: [bytes] };
  }

  #batch(
    topic: 'weir.clicks' | 'weir.orders' | 'weir.inventory' | 'weir.internal.visitor',
    key: string,
    value: Buffer,
  ): AppendBatch {
    return { topic, partition: partitionOf(key, PARTITIONS), values: [value] };
  }

  #pick<Choice>(choices: readonly Choice[]): Choice {
    return pick(choices, this.#random);
  }
}

function pick<Choice>(choices: readonly Choice[], random: Random): Choice {
  const choice = choices[random.below(choices.length)];
  if (choice === undefined) throw new RangeError('nothing to choose from');
  return choice;
}
