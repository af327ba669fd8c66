import type { Row } from '../../schemas/panel.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import {
  CHANNELS,
  Chance,
  SHARES,
  SHOP_MODELS,
  TOUCHED,
  emptyMinute,
  incident,
  keyOfMinute,
  minuteOf,
  stockRow,
} from './scripted-rows.ts';

/** Topics that the scripted shop fills. */
export const SHOP_TOPICS = ['channels', 'attribution', 'stock', 'alerts', 'pipeline'] as const;
export type ShopTopic = (typeof SHOP_TOPICS)[number];

/** One change of a topic, in the order it happened. */
export interface ShopUpdate {
  readonly topic: ShopTopic;
  /** One higher with each update of the topic. */
  readonly seq: number;
  readonly rows: readonly Row[];
}

/** Three hours of minutes, as the live view keeps. */
const HISTORY_MINUTES = 180;
/** Updates of one topic that a viewer can resume from. */
const UPDATES_KEPT_MAX = 500;
/** What each stored hour before the live view holds per channel; the browser test knows it. */
export const STORED_HOUR = { orders: 10, revenue_minor: 100_000 } as const;

type Sums = Record<string, number>;

/**
 * A small shop that moves: rows of every topic in the shapes of the contract, changed by `tick` and
 * by what a test asks for. The same seed and the same calls give the same rows.
 */
export class ScriptedShop {
  readonly #channels = new Map<string, Row>();
  readonly #attribution = new Map<string, Row>();
  readonly #stock = new Map<string, Row>();
  readonly #alerts = new Map<string, Row>();
  readonly #seqs = new Map<ShopTopic, number>();
  readonly #kept = new Map<ShopTopic, ShopUpdate[]>();
  readonly #listeners = new Set<(update: ShopUpdate) => void>();
  #counts = {
    received: 1_284_000,
    contributed: 1_278_410,
    duplicate: 4_210,
    late: 1_140,
    dead_lettered: 37,
    quarantined: 203,
  };
  readonly #chance = new Chance(0x2f6e2b1);
  #nowMs: number;
  #tickCount = 0;

  constructor(startMs: number) {
    this.#nowMs = startMs;
    for (const topic of SHOP_TOPICS) {
      this.#seqs.set(topic, 100);
      this.#kept.set(topic, []);
    }
    this.#fillHistory();
  }

  /** The shop's own clock, UTC milliseconds. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get watermark(): number {
    return this.#nowMs - MINUTE_MS;
  }

  seqOf(topic: ShopTopic): number {
    return this.#seqs.get(topic) ?? 0;
  }

  rowsOf(topic: ShopTopic): readonly Row[] {
    return [...this.#rowsByKey(topic).values()];
  }

  /** The updates after `seq`, or undefined when they are no longer kept. */
  updatesAfter(topic: ShopTopic, seq: number): readonly ShopUpdate[] | undefined {
    const kept = this.#kept.get(topic) ?? [];
    if (seq > this.seqOf(topic) || seq < (kept[0]?.seq ?? this.seqOf(topic) + 1) - 1) {
      return undefined;
    }
    return kept.filter((update) => update.seq > seq);
  }

  onUpdate(listener: (update: ShopUpdate) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Lets `elapsedMs` pass: clicks, now and then an order, a bot verdict, a stockout. */
  tick(elapsedMs: number): void {
    this.#nowMs += elapsedMs;
    this.#tickCount += 1;
    for (const { channel, currencies, clicks, orders, basket } of CHANNELS) {
      const clickCount = this.#chance.count((clicks * elapsedMs) / MINUTE_MS);
      this.#click(channel, clickCount, this.#nowMs);
      if (this.#chance.draw() < (orders * elapsedMs) / MINUTE_MS) {
        const currency = currencies[this.#chance.draw() < 0.8 ? 0 : currencies.length - 1] ?? 'EUR';
        this.order(channel, currency, Math.round(basket * (0.5 + this.#chance.draw())));
      }
    }
    if (this.#tickCount % 60 === 0)
      this.withdrawClicks('dtc', 1 + Math.floor(this.#chance.draw() * 9));
    if (this.#tickCount % 10 === 0) this.#publishPipeline();
  }

  /** An order of now: sums of its channel, and its credit by every model. */
  order(channel: string, currency: string, revenueMinor: number): void {
    this.#publish('channels', [this.#orderRow(channel, currency, revenueMinor, this.#nowMs)]);
    this.#publish('attribution', this.#credit(currency, revenueMinor, this.#nowMs));
    this.#publish('stock', [this.#sell(revenueMinor)]);
  }

  /** A verdict takes clicks of three minutes ago back, as behaviour of bots. */
  withdrawClicks(channel: string, clickCount: number): void {
    const start = minuteOf(this.#nowMs) - 3 * MINUTE_MS;
    const row = this.#change(
      this.#channels,
      keyOfMinute(start, channel, ''),
      emptyMinute(start, channel, ''),
      {
        clicks_net: -clickCount,
        clicks_sivt: clickCount,
      },
    );
    this.#publish('channels', [row]);
  }

  openIncident(alertId: string, sku: string): void {
    const row = incident({
      alertId,
      sku,
      nodeId: 'berlin',
      openedAt: this.#nowMs,
      severity: 'critical',
    });
    this.#alerts.set(alertId, row);
    this.#publish('alerts', [row]);
  }

  /** @returns whether there is such an incident. */
  acknowledge(alertId: string, actor: string): boolean {
    const row = this.#alerts.get(alertId);
    if (row === undefined) return false;
    const taken = { ...row, acknowledged_at: this.#nowMs, acknowledged_by: actor };
    this.#alerts.set(alertId, taken);
    this.#publish('alerts', [taken]);
    return true;
  }

  /** Events are counted although no row changes: what a viewer must call stale. */
  countWithoutChange(): void {
    this.#counts.received += 50;
    this.#counts.contributed += 50;
    this.#publishPipeline();
  }

  /** Takes everything out: a shop on its first day. Call it before a page is open. */
  empty(): void {
    this.#channels.clear();
    this.#attribution.clear();
    this.#stock.clear();
    this.#alerts.clear();
    this.#counts = {
      received: 0,
      contributed: 0,
      duplicate: 0,
      late: 0,
      dead_lettered: 0,
      quarantined: 0,
    };
  }

  /** Stored hours from `from` to `to`, for the part of the day before the live view. */
  storedHours(from: number, to: number): readonly Row[] {
    const rows: Row[] = [];
    for (let start = from; start < to; start += HOUR_MS) {
      for (const { channel, currencies } of CHANNELS) {
        const [currency] = currencies;
        if (currency === undefined) continue;
        rows.push({
          ...emptyMinute(start, channel, currency),
          ...STORED_HOUR,
          state: 'matured',
        });
      }
    }
    return rows;
  }

  pipelineRow(): Row {
    return {
      key: 'pipeline',
      ready: true,
      problems: '',
      watermark: this.watermark,
      lag_records: 3 + Math.floor(this.#chance.draw() * 20),
      ...this.#counts,
      checkpoint_age_ms: (this.#tickCount * 100) % 5_000,
      checkpoint_ms: 14,
      pending_rows: Math.floor(this.#chance.draw() * 40),
      events_per_second: 118 + Math.floor(this.#chance.draw() * 20),
      audit_checked_rows: 1_234,
      audit_differences: 0,
      audit_last_at: this.#nowMs,
    };
  }

  #fillHistory(): void {
    const first = minuteOf(this.#nowMs) - (HISTORY_MINUTES - 1) * MINUTE_MS;
    for (let start = first; start < this.#nowMs; start += MINUTE_MS) {
      const tide = 0.75 + 0.35 * Math.sin(((start % DAY_MS) / DAY_MS) * 2 * Math.PI * 9);
      const filled = Math.min(1, (this.#nowMs - start) / MINUTE_MS);
      for (const { channel, currencies, clicks, orders, basket, spend } of CHANNELS) {
        this.#click(
          channel,
          Math.round(clicks * tide * filled * (0.7 + 0.6 * this.#chance.draw())),
          start,
        );
        for (const currency of currencies) {
          const share = currency === 'USD' ? 0.3 : 1;
          const orderCount = this.#chance.count(orders * tide * filled * share);
          for (let index = 0; index < orderCount; index += 1) {
            const revenueMinor = Math.round(basket * (0.5 + this.#chance.draw()));
            this.#orderRow(channel, currency, revenueMinor, start);
            this.#credit(currency, revenueMinor, start);
          }
          if (this.#chance.draw() < 0.02 * share) {
            this.#sum(channel, currency, start, { returns_minor: Math.round(basket * 0.8) });
          }
        }
        if (spend > 0) this.#sum(channel, 'EUR', start, { spend_minor: spend });
      }
    }
    for (let index = 0; index < 36; index += 1) {
      const row = stockRow(index, this.#nowMs);
      this.#stock.set(`${row['sku']} ${row['node_id']}`, row);
    }
    for (const [index, row] of this.rowsOf('stock')
      .filter(({ state }) => state === 'OUT')
      .entries()) {
      const openedAt = this.#nowMs - (7 + index * 23) * MINUTE_MS;
      const sku = String(row['sku']);
      const nodeId = String(row['node_id']);
      const opened = incident({
        alertId: `out-${sku}`,
        sku,
        nodeId,
        openedAt,
        severity: 'critical',
      });
      const takenOver = { acknowledged_at: openedAt + 4 * MINUTE_MS, acknowledged_by: 'jana' };
      const resolved = { ...takenOver, resolved_at: openedAt + 31 * MINUTE_MS };
      const more = index === 3 ? takenOver : index >= 4 ? resolved : {};
      this.#alerts.set(`out-${sku}`, { ...opened, ...more });
    }
  }

  #click(channel: string, clickCount: number, at: number): void {
    if (clickCount === 0) return;
    const crawlers = this.#chance.count(clickCount * 0.06);
    const row = this.#sum(channel, '', at, {
      impressions: clickCount * 9,
      clicks_gross: clickCount,
      clicks_givt: crawlers,
      clicks_net: clickCount - crawlers,
      visitors: Math.round(clickCount * 0.7),
      sessions: this.#chance.count(clickCount * 0.3),
      add_to_carts: this.#chance.count(clickCount * 0.07),
    });
    this.#counts.received += clickCount;
    this.#counts.contributed += clickCount;
    this.#publish('channels', [row]);
  }

  #orderRow(channel: string, currency: string, revenueMinor: number, at: number): Row {
    this.#counts.received += 1;
    this.#counts.contributed += 1;
    return this.#sum(channel, currency, at, {
      orders: 1,
      units: 1 + (revenueMinor % 3),
      revenue_minor: revenueMinor,
      margin_minor: Math.round(revenueMinor * 0.38),
    });
  }

  #credit(currency: string, revenueMinor: number, at: number): readonly Row[] {
    const start = at - (at % HOUR_MS);
    return SHOP_MODELS.flatMap((model) =>
      TOUCHED.map((channel, index) => {
        const share = SHARES[model][index] ?? 0;
        const key = [start, model, channel, currency].join(' ');
        const empty = {
          window_start: start,
          model,
          channel,
          campaign: '',
          currency,
          conversions_milli: 0,
          credit_minor: 0,
          state: 'provisional',
        };
        return this.#change(this.#attribution, key, empty, {
          conversions_milli: Math.round(share * 1000),
          credit_minor: Math.round(share * revenueMinor),
        });
      }),
    );
  }

  #sell(seed: number): Row {
    const inStock = [...this.#stock].filter(([, row]) => row['state'] === 'IN_STOCK');
    const [key, row] = inStock[seed % inStock.length] ?? [];
    if (key === undefined || row === undefined) return {};
    const available = Number(row['available']) - 1;
    const sold = {
      ...row,
      available,
      on_hand: Number(row['on_hand']) - 1,
      ...(available <= 0 ? { state: 'OUT', changed_at: this.#nowMs } : {}),
    };
    this.#stock.set(key, sold);
    return sold;
  }

  #sum(channel: string, currency: string, at: number, sums: Sums): Row {
    const start = minuteOf(at);
    const key = keyOfMinute(start, channel, currency);
    return this.#change(this.#channels, key, emptyMinute(start, channel, currency), sums);
  }

  #change(rows: Map<string, Row>, key: string, empty: Row, sums: Sums): Row {
    const before = rows.get(key) ?? empty;
    const after: Record<string, string | number | boolean | null> = { ...before };
    for (const [column, amount] of Object.entries(sums)) {
      after[column] = Number(before[column] ?? 0) + amount;
    }
    rows.set(key, after);
    return after;
  }

  #publishPipeline(): void {
    this.#publish('pipeline', [this.pipelineRow()]);
  }

  #publish(topic: ShopTopic, rows: readonly Row[]): void {
    const seq = this.seqOf(topic) + 1;
    this.#seqs.set(topic, seq);
    const update = { topic, seq, rows };
    const kept = this.#kept.get(topic) ?? [];
    kept.push(update);
    if (kept.length > UPDATES_KEPT_MAX) kept.shift();
    for (const listener of this.#listeners) listener(update);
  }

  #rowsByKey(topic: ShopTopic): ReadonlyMap<string, Row> {
    switch (topic) {
      case 'channels':
        return this.#channels;
      case 'attribution':
        return this.#attribution;
      case 'stock':
        return this.#stock;
      case 'alerts':
        return this.#alerts;
      case 'pipeline':
        return new Map([['pipeline', this.pipelineRow()]]);
    }
  }
}

/** Time of a tick in the scripted server. */
export const TICK_MS = SECOND_MS / 10;
