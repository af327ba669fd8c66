import { createHash } from 'node:crypto';

import type { ClickKind } from '../../schemas/events/click.ts';
import type { OrderStatus } from '../../schemas/events/order.ts';
import { EVENT_TYPES, type EventType } from '../../schemas/topics.ts';
import { Delivery } from './delivery.ts';
import { COLUMN, MinuteTotals } from './minute-totals.ts';
import type { ShopOptions } from './options.ts';
import { LINE_START, ShopEvent } from './shop-event.ts';
import type { FinishedTruth } from './truth.ts';

/** A way into the shop: a channel or one of its campaigns, as a click names it. */
export interface Entry {
  /** Place of the channel among all names. */
  readonly channel: number;
  /** Place among all campaigns that cost money; undefined when a click is free. */
  readonly paidCampaign: number | undefined;
  /** The fields of every click that came this way, by kind: kind, channel, campaign. */
  readonly kindTexts: Readonly<Record<ClickKind, string>>;
  /** The page and where the visitor came from, of the first click. */
  readonly landingText: string;
  /** An advertisement is clicked; people who come directly open a page. */
  readonly landingKind: ClickKind;
}

/** The parts of a click that stay the same while somebody is here. */
export interface ClickAuthor {
  readonly isBot: boolean;
  /** The fields after the time: source, visitor, session. */
  readonly firstText: string;
  /** The last fields, with the end of the line: address, browser, region. */
  readonly lastText: string;
}

/** What an order event does to the totals of its sales channel. */
export interface OrderTotals {
  readonly channelName: string;
  readonly units: number;
  readonly amountMinor: number;
}

const OCCURRED_TEXT = '","occurred_at":';
/** Ends a line of NDJSON. */
export const LINE_END = '}\n';
/**
 * Writes every unique event down once: into the delivery, which carries it to the reader, and into
 * the truth. So the two cannot disagree.
 */
export class Journal {
  readonly delivery: Delivery;
  readonly #startMs: number;
  readonly #channelOf: ReadonlyMap<string, number>;
  readonly #minutes: MinuteTotals;
  /** By type, up to the number of the event. */
  readonly #lineStart: Readonly<Record<EventType, string>>;
  readonly #orderEvents: Record<OrderStatus, number> = {
    placed: 0,
    cancelled: 0,
    returned: 0,
    shipped: 0,
    delivered: 0,
  };
  readonly #events: Record<EventType, number> = { click: 0, order: 0, inventory: 0, reference: 0 };
  /** Truth that is known for good and has not been taken. */
  #finished: FinishedTruth[] = [];
  #nextEvent = 0;

  constructor(options: ShopOptions) {
    this.delivery = new Delivery(options);
    this.#startMs = options.startMs;
    const currencies = new Map(options.salesChannels.map(({ name, currency }) => [name, currency]));
    const names = [
      ...new Set([...options.clickChannels.map(({ name }) => name), ...currencies.keys()]),
    ];
    this.#channelOf = new Map(names.map((name, index) => [name, index]));
    this.#minutes = new MinuteTotals(
      names.map((name) => ({ name, currency: currencies.get(name) })),
    );
    const idText = `"event_id":"${runIdOf(options)}-`;
    this.#lineStart = {
      click: LINE_START.click + idText,
      order: LINE_START.order + idText,
      inventory: LINE_START.inventory + idText,
      reference: LINE_START.reference + idText,
    };
  }

  get events(): Readonly<Record<EventType, number>> {
    return { ...this.#events };
  }

  get orderEvents(): Readonly<Record<OrderStatus, number>> {
    return { ...this.#orderEvents };
  }

  /** Unique events of all types. */
  get eventCount(): number {
    return EVENT_TYPES.reduce((sum, type) => sum + this.#events[type], 0);
  }

  /** The place of a channel of either kind among all names. */
  channelIndex(name: string): number {
    const index = this.#channelOf.get(name);
    if (index === undefined) throw new RangeError(`no channel ${name}`);
    return index;
  }

  /** Writes a click, unless the shop is still warming up; says whether it did. */
  click(
    timeMs: number,
    kind: ClickKind,
    entry: Entry,
    author: ClickAuthor,
    place: string,
  ): boolean {
    if (timeMs < this.#startMs) return false;
    if (kind === 'impression') this.#minutes.add(timeMs, entry.channel, COLUMN.impressions, 1);
    else if (kind !== 'beacon') {
      this.#minutes.add(timeMs, entry.channel, COLUMN.clicksGross, 1);
      if (author.isBot) this.#minutes.add(timeMs, entry.channel, COLUMN.clicksBot, 1);
    }
    this.#events.click += 1;
    const number = this.#nextEvent;
    this.#nextEvent += 1;
    // Joined, not added up: a text made of a dozen small ones costs more to write out than to copy now.
    const line = [
      this.#lineStart.click,
      number,
      OCCURRED_TEXT,
      timeMs,
      author.firstText,
      entry.kindTexts[kind],
      place,
      author.lastText,
    ].join('');
    this.delivery.take(new ShopEvent('click', timeMs, line), true);
    return true;
  }

  /** @param fields the JSON after `source`, without the closing brace */
  order(timeMs: number, status: OrderStatus, totals: OrderTotals, fields: string): void {
    const channel = this.channelIndex(totals.channelName);
    if (status === 'placed') {
      this.#minutes.add(timeMs, channel, COLUMN.orders, 1);
      this.#minutes.add(timeMs, channel, COLUMN.units, totals.units);
      this.#minutes.add(timeMs, channel, COLUMN.revenueMinor, totals.amountMinor);
    } else if (status === 'cancelled' || status === 'returned') {
      this.#minutes.add(timeMs, channel, COLUMN.returnsMinor, totals.amountMinor);
    }
    this.#orderEvents[status] += 1;
    this.#write('order', timeMs, `,"source":"shop"${fields}`);
  }

  /** @param fields the JSON from `source` on, without the closing brace */
  inventory(timeMs: number, fields: string): void {
    this.#write('inventory', timeMs, fields);
  }

  /** @param fields the JSON from `source` on, without the closing brace */
  reference(timeMs: number, fields: string): void {
    this.#write('reference', timeMs, fields);
  }

  /** Only what people's devices send can be late: the shop's own systems are always connected. */
  #write(type: 'order' | 'inventory' | 'reference', timeMs: number, rest: string): void {
    this.#events[type] += 1;
    const number = this.#nextEvent;
    this.#nextEvent += 1;
    const line = [this.#lineStart[type], number, OCCURRED_TEXT, timeMs, rest, LINE_END].join('');
    this.delivery.take(new ShopEvent(type, timeMs, line), type === 'order');
  }

  record(truth: FinishedTruth): void {
    this.#finished.push(truth);
  }

  /** Removes and returns the truth that cannot change any more; `untilMs` is where the clock stands. */
  takeFinished(untilMs: number): FinishedTruth[] {
    const taken = [...this.#finished, ...this.#minutes.takeUntil(untilMs)];
    this.#finished = [];
    return taken;
  }

  /** The truth that has not been taken, with the minutes that can still change. */
  current(): FinishedTruth[] {
    return [...this.#finished, ...this.#minutes.current()];
  }
}

/** A short name of the run, so that ids of runs that differ in anything but their length never meet. */
export function runIdOf(options: ShopOptions): string {
  // Without logins the ids are those of shops that had none yet, so that measurements stay comparable.
  const loginShare = options.loginShare > 0 ? options.loginShare : undefined;
  const text = JSON.stringify({ ...options, durationMs: undefined, loginShare });
  return createHash('sha256').update(text).digest('hex').slice(0, 10);
}
