import { type Catalogue, SECOND_LINE_SHARE } from './catalogue.ts';
import type { Journal } from './journal.ts';
import type { ShopOptions } from './options.ts';
import { type Person, ZONES, type Zone } from './people.ts';
import type { Prices } from './prices.ts';
import { Random, WeightedChoice } from './random.ts';
import { HOURS_PER_DAY } from './rhythm.ts';
import type { Process, Schedule } from './schedule.ts';
import type { ZoneTruth } from './truth.ts';
import type { Visitor, Visitors } from './visitors.ts';
import type { Warehouse } from './warehouse.ts';

/** Orders followed after placing are held in memory, about 500 bytes each; the others stay as placed. */
const LIFECYCLES_MAX = 200_000;

/** Hours of the shop's day from placing to each step. */
const CANCEL_HOURS = [0.1, 2] as const;
const SHIP_HOURS = [1, 7] as const;
const RETURN_HOURS = [12, 96] as const;

/**
 * Hours from placing to delivery: a fixed part and an exponential one, and a share of orders that go
 * the slow way. They keep the bands of definitions.md §7: urban 93 % within 24 h; suburban 71 % within
 * 24 h and 93 % within 48 h; rural 56 % within 48 h and 78 % within 72 h.
 */
const DELIVERY = {
  urban: { dueHours: 24, fixedHours: 8, meanHours: 6, slowShare: 0 },
  suburban: { dueHours: 48, fixedHours: 8, meanHours: 9, slowShare: 0.15 },
  rural: { dueHours: 72, fixedHours: 20, meanHours: 34, slowShare: 0 },
} as const satisfies Record<Zone, object>;
const SLOW_FIXED_HOURS = 30;
const SLOW_MEAN_HOURS = 20;

const FULFILMENTS = ['ship', 'pickup', 'curbside', 'locker'] as const;
const FULFILMENT_CHOICE = new WeightedChoice([80, 10, 4, 6]);

const CANCEL_REASONS = ['changed_mind', 'too_slow', 'payment_failed'] as const;
const RETURN_REASONS = ['damaged', 'wrong_size', 'not_as_described', 'changed_mind'] as const;

interface OrderLine {
  readonly lineId: number;
  readonly sku: number;
  readonly quantity: number;
  readonly unitPriceMinor: number;
  readonly unitCostMinor: number | undefined;
}

/** What somebody wants to buy: SKUs, each once, with units. */
export type Wish = readonly { readonly sku: number; readonly units: number }[];

/** An order with the texts that all its events share. */
interface PlacedOrder {
  readonly channelName: string;
  readonly lines: readonly OrderLine[];
  readonly node: number;
  readonly zone: Zone;
  readonly dueMs: number;
  /** Fields before and after the status, and after the lines. */
  readonly firstText: string;
  readonly buyerText: string;
  readonly lastText: string;
}

interface OrdersParts {
  readonly catalogue: Catalogue;
  readonly journal: Journal;
  readonly prices: Prices;
  readonly schedule: Schedule;
  readonly visitors: Visitors;
  readonly warehouse: Warehouse;
  readonly orderIdStart: string;
}

/** Takes orders and follows them: cancelled, or shipped, delivered and perhaps returned. */
export class Orders {
  readonly #options: ShopOptions;
  readonly #parts: OrdersParts;
  readonly #random: Random;
  readonly #channelChoice: WeightedChoice;
  readonly #hourMs: number;
  readonly #zones: Record<Zone, { placed: number; delivered: number; onTime: number }>;
  #nextOrder = 0;
  #following = 0;
  #limited = 0;

  constructor(options: ShopOptions, parts: OrdersParts) {
    this.#options = options;
    this.#parts = parts;
    this.#random = new Random(options.seed, 'orders');
    this.#channelChoice = new WeightedChoice(options.salesChannels.map(({ weight }) => weight));
    this.#hourMs = options.dayLengthMs / HOURS_PER_DAY;
    const none = { placed: 0, delivered: 0, onTime: 0 };
    this.#zones = { urban: { ...none }, suburban: { ...none }, rural: { ...none } };
  }

  /** Orders that were not followed after placing, because too many were under way. */
  get limited(): number {
    return this.#limited;
  }

  zones(): ZoneTruth[] {
    return ZONES.map((zone) => {
      const { placed, delivered, onTime } = this.#zones[zone];
      return { zone, placed, delivered, on_time: onTime };
    });
  }

  /** What a buyer has in mind: one SKU by popularity, sometimes a second one. */
  wish(): Wish {
    const { catalogue } = this.#parts;
    const random = this.#random;
    const first = catalogue.pick(random);
    const wish = [{ sku: first, units: this.#unitsOf(first) }];
    if (!random.chance(SECOND_LINE_SHARE)) return wish;
    const second = catalogue.pick(random);
    if (second !== first) wish.push({ sku: second, units: this.#unitsOf(second) });
    return wish;
  }

  #unitsOf(sku: number): number {
    const { unitsMax } = this.#parts.catalogue.sku(sku);
    return unitsMax === 1 ? 1 : 1 + this.#random.below(unitsMax);
  }

  /** Whether anything of the wish can be bought at the node at the moment. */
  isPossible(wish: Wish, node: number): boolean {
    const { warehouse } = this.#parts;
    return wish.some(({ sku }) => warehouse.sellable(warehouse.keyOf(sku, node)) > 0);
  }

  /** The buyer tries to buy: what there is of the wish becomes an order, the rest is lost demand. */
  place(
    nowMs: number,
    wish: Wish,
    buyer: { readonly visitor: Visitor; readonly person: Person },
  ): void {
    // Of a visit that ends as the shop's record begins, neither the wish nor the sale exists.
    if (!buyer.visitor.isKnown) return;
    const { warehouse, prices, journal, visitors } = this.#parts;
    const { node, zone } = buyer.person;
    const channel = this.#channelChoice.pick(this.#random.unit());
    const lines: OrderLine[] = [];
    for (const { sku, units } of wish) {
      const quantity = warehouse.ask(warehouse.keyOf(sku, node), units);
      if (quantity === 0) continue;
      lines.push({
        lineId: lines.length + 1,
        sku,
        quantity,
        unitPriceMinor: prices.priceMinor(sku, channel),
        unitCostMinor: prices.costMinor(sku, channel),
      });
    }
    if (lines.length === 0) return;
    const timeMs = this.#moveStock(lines, { node, nowMs, sign: 1 });
    const order = this.#orderOf(timeMs, channel, lines, buyer);
    journal.order(
      timeMs,
      'placed',
      totalsOf(order, lines),
      this.#textOf(order, 'placed', lines, ''),
    );
    visitors.recordOrder(buyer.visitor);
    this.#zones[zone].placed += 1;
    this.#follow(timeMs, order);
  }

  /** Takes the lines off the books, or back onto them, at the returned time. */
  #moveStock(
    lines: readonly OrderLine[],
    move: { readonly node: number; readonly nowMs: number; readonly sign: 1 | -1 },
  ): number {
    const { warehouse } = this.#parts;
    const keys = lines.map(({ sku }) => warehouse.keyOf(sku, move.node));
    const timeMs = warehouse.freeTimeMs(move.nowMs, keys);
    for (const { sku, quantity } of lines)
      warehouse.move(warehouse.keyOf(sku, move.node), timeMs, quantity * move.sign);
    return timeMs;
  }

  #orderOf(
    timeMs: number,
    channel: number,
    lines: readonly OrderLine[],
    { visitor, person }: { readonly visitor: Visitor; readonly person: Person },
  ): PlacedOrder {
    const { catalogue, orderIdStart } = this.#parts;
    const { name = '', currency = '' } = this.#options.salesChannels[channel] ?? {};
    const number = this.#nextOrder;
    this.#nextOrder += 1;
    const dueMs = Math.round(timeMs + DELIVERY[person.zone].dueHours * this.#hourMs);
    const fulfilment = FULFILMENTS[FULFILMENT_CHOICE.pick(this.#random.unit())] ?? 'ship';
    const customerText = person.isGuest ? '' : `,"customer_id":"c-${visitor.id}"`;
    return {
      channelName: name,
      lines,
      node: person.node,
      zone: person.zone,
      dueMs,
      firstText: `,"order_id":"${orderIdStart}${number}","status":"`,
      buyerText: `","visitor_id":"${visitor.id}"${customerText},"sales_channel":"${name}","currency":"${currency}","lines":[`,
      lastText:
        `],"region":"${person.region}","zone":"${person.zone}","fulfilment":"${fulfilment}"` +
        `,"node_id":"${catalogue.nodeIds[person.node] ?? ''}","due_at":${dueMs}`,
    };
  }

  #textOf(order: PlacedOrder, status: string, lines: readonly OrderLine[], reason: string): string {
    const lineTexts = lines.map(({ lineId, sku, quantity, unitPriceMinor, unitCostMinor }) => {
      const costText = unitCostMinor === undefined ? '' : `,"unit_cost_minor":${unitCostMinor}`;
      const skuId = this.#parts.catalogue.sku(sku).id;
      return `{"line_id":"${lineId}","sku":"${skuId}","quantity":${quantity},"unit_price_minor":${unitPriceMinor}${costText}}`;
    });
    const reasonText = reason === '' ? '' : `,"reason":"${reason}"`;
    return `${order.firstText}${status}${order.buyerText}${lineTexts.join(',')}${order.lastText}${reasonText}`;
  }

  #follow(placedMs: number, order: PlacedOrder): void {
    if (this.#following >= LIFECYCLES_MAX) {
      this.#limited += 1;
      return;
    }
    this.#following += 1;
    const isCancelled = this.#random.chance(this.#options.cancelShare);
    const firstMs = placedMs + this.#hoursMs(isCancelled ? CANCEL_HOURS : SHIP_HOURS);
    const deliveredMs = Math.max(firstMs, placedMs + this.#deliveryMs(order.zone));
    this.#parts.schedule.add(firstMs, this.#lifecycleOf(order, isCancelled, deliveredMs));
  }

  #lifecycleOf(order: PlacedOrder, isCancelled: boolean, deliveredMs: number): Process {
    let next: 'cancel' | 'ship' | 'deliver' | 'return' = isCancelled ? 'cancel' : 'ship';
    return {
      step: (nowMs) => {
        switch (next) {
          case 'ship':
            this.#write(order, 'shipped', Math.floor(nowMs));
            next = 'deliver';
            return deliveredMs;
          case 'deliver':
            this.#deliver(order, Math.floor(nowMs));
            next = 'return';
            if (this.#random.chance(this.#options.returnShare))
              return nowMs + this.#hoursMs(RETURN_HOURS);
            break;
          case 'cancel':
            this.#takeBack(order, 'cancelled', nowMs, order.lines);
            break;
          case 'return':
            this.#takeBack(order, 'returned', nowMs, this.#returnedLines(order));
            break;
        }
        this.#following -= 1;
        return Number.POSITIVE_INFINITY;
      },
    };
  }

  #write(order: PlacedOrder, status: 'shipped' | 'delivered', timeMs: number): void {
    const text = this.#textOf(order, status, order.lines, '');
    this.#parts.journal.order(timeMs, status, totalsOf(order, order.lines), text);
  }

  #deliver(order: PlacedOrder, timeMs: number): void {
    this.#write(order, 'delivered', timeMs);
    const zone = this.#zones[order.zone];
    zone.delivered += 1;
    if (timeMs <= order.dueMs) zone.onTime += 1;
  }

  #takeBack(
    order: PlacedOrder,
    status: 'cancelled' | 'returned',
    nowMs: number,
    lines: readonly OrderLine[],
  ): void {
    const timeMs = this.#moveStock(lines, { node: order.node, nowMs, sign: -1 });
    const reasons: readonly string[] = status === 'cancelled' ? CANCEL_REASONS : RETURN_REASONS;
    const reason = reasons[this.#random.below(reasons.length)] ?? '';
    this.#parts.journal.order(
      timeMs,
      status,
      totalsOf(order, lines),
      this.#textOf(order, status, lines, reason),
    );
  }

  /** One line or all of them, and of each some or all units. */
  #returnedLines({ lines }: PlacedOrder): readonly OrderLine[] {
    const only = this.#random.chance(0.5) ? this.#random.below(lines.length) : undefined;
    return lines
      .filter((_, index) => only === undefined || index === only)
      .map((line) => ({ ...line, quantity: 1 + this.#random.below(line.quantity) }));
  }

  #deliveryMs(zone: Zone): number {
    const random = this.#random;
    const { fixedHours, meanHours, slowShare } = DELIVERY[zone];
    const isSlow = random.chance(slowShare);
    const hours = isSlow
      ? SLOW_FIXED_HOURS + random.exponential(SLOW_MEAN_HOURS)
      : fixedHours + random.exponential(meanHours);
    return hours * this.#hourMs;
  }

  #hoursMs([min, max]: readonly [number, number]): number {
    return this.#random.between(min, max) * this.#hourMs;
  }
}

function totalsOf(
  order: PlacedOrder,
  lines: readonly OrderLine[],
): { channelName: string; units: number; amountMinor: number } {
  let units = 0;
  let amountMinor = 0;
  for (const line of lines) {
    units += line.quantity;
    amountMinor += line.quantity * line.unitPriceMinor;
  }
  return { channelName: order.channelName, units, amountMinor };
}
