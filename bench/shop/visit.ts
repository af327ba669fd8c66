import type { ClickKind } from '../../schemas/events/click.ts';
import { SECOND_MS } from '../../schemas/time.ts';
import type { Entries } from './entries.ts';
import { type ClickAuthor, type Entry, type Journal, LINE_END } from './journal.ts';
import { BUYER_VISIT_CONVERSION, type ShopOptions } from './options.ts';
import type { Orders, Wish } from './orders.ts';
import { type Person, personOf } from './people.ts';
import type { Random } from './random.ts';
import { type Rates, VISIT } from './rates.ts';
import type { Rhythm } from './rhythm.ts';
import type { Process, Schedule } from './schedule.ts';
import type { Visitor, Visitors } from './visitors.ts';

/** Between two actions of a person. */
const ACTION_MS_MIN = SECOND_MS;
const ACTION_MS_MEAN = 6 * SECOND_MS;

/** Between an advertisement and what follows it, and between a page and its script's answer. */
const IMPRESSION_MS = [0.5 * SECOND_MS, 4 * SECOND_MS] as const;
const BEACON_MS = [0.2 * SECOND_MS, 2 * SECOND_MS] as const;

type Stage =
  | 'impression'
  | 'landing'
  | 'beacon'
  | 'browse'
  | 'second-entry'
  | 'wish'
  | 'cart'
  | 'checkout'
  | 'order';

export interface VisitParts {
  readonly options: ShopOptions;
  readonly entries: Entries;
  readonly journal: Journal;
  readonly orders: Orders;
  readonly visitors: Visitors;
  /** Draws of everything that people do. */
  readonly random: Random;
  readonly sessionIdStart: string;
}

/** Lets people come in by the rhythm of the day. */
export class Arrivals implements Process {
  readonly #parts: VisitParts;
  readonly #schedule: Schedule;
  readonly #rhythm: Rhythm;
  readonly #visitsPerMs: number;
  #nextSession = 0;

  constructor(
    parts: VisitParts,
    {
      schedule,
      rhythm,
      rates,
    }: { readonly schedule: Schedule; readonly rhythm: Rhythm; readonly rates: Rates },
  ) {
    this.#parts = parts;
    this.#schedule = schedule;
    this.#rhythm = rhythm;
    this.#visitsPerMs = rates.visitsPerMs;
  }

  /** Begins with the first visit after `fromMs`. */
  start(fromMs: number): void {
    this.#schedule.add(this.#nextMs(fromMs), this);
  }

  step(nowMs: number): number {
    const visitor = this.#parts.visitors.arrive(nowMs);
    const session = this.#nextSession;
    this.#nextSession += 1;
    this.#schedule.add(nowMs, new Visit(this.#parts, visitor, session));
    return this.#nextMs(nowMs);
  }

  #nextMs(fromMs: number): number {
    return this.#rhythm.nextArrivalMs(fromMs, this.#visitsPerMs, this.#parts.random);
  }
}

/** One visit: advertisements, the way in, looking around, and for some a cart and an order. */
class Visit implements Process {
  readonly #parts: VisitParts;
  readonly #visitor: Visitor;
  readonly #person: Person;
  readonly #author: ClickAuthor;
  readonly #impressions: readonly Entry[];
  readonly #wantsToBuy: boolean;
  readonly #logsIn: boolean;
  #stage: Stage;
  #entry: Entry;
  #shown = 0;
  #wish: Wish = [];

  constructor(parts: VisitParts, known: Visitor, session: number) {
    const { random, entries, options } = parts;
    this.#parts = parts;
    const person = personOf(known.number, options.nodeCount);
    this.#person = person;
    const isSignedIn = known.hasOrdered && person.signsIn;
    this.#logsIn = isSignedIn && person.loginRank < options.loginShare;
    const visitor = this.#logsIn && session % 2 === 1 ? parts.visitors.onOtherDevice(known) : known;
    this.#visitor = visitor;
    const signedInText = isSignedIn ? ',"signed_in":true' : '';
    this.#author = {
      isBot: false,
      firstText: [
        ',"source":"web","visitor_id":"',
        visitor.id,
        '","session_id":"',
        parts.sessionIdStart,
        session,
        '"',
      ].join(''),
      lastText: [
        ',"ip":"',
        person.ip,
        '","user_agent":"',
        person.userAgent,
        '","region":"',
        person.region,
        '"',
        signedInText,
        LINE_END,
      ].join(''),
    };
    this.#impressions = entries.impressionsFor(visitor.treatedBits, random);
    this.#entry = entries.entryFor(visitor.treatedBits, random);
    this.#wantsToBuy = visitor.isBuyer && random.chance(BUYER_VISIT_CONVERSION);
    this.#stage = this.#impressions.length > 0 ? 'impression' : 'landing';
  }

  step(nowMs: number): number {
    const { random, entries } = this.#parts;
    switch (this.#stage) {
      case 'impression':
        return this.#showAdvertisement(nowMs);
      case 'landing':
        this.#write(nowMs, this.#entry.landingKind, this.#entry.landingText);
        if (this.#logsIn) this.#logIn(nowMs);
        this.#stage = 'beacon';
        return nowMs + random.between(...BEACON_MS);
      case 'beacon':
        if (random.chance(VISIT.beaconShare)) this.#write(nowMs, 'beacon', '');
        this.#stage = 'browse';
        return this.#afterBrowsing(nowMs);
      case 'browse':
        this.#browse(nowMs);
        return this.#afterBrowsing(nowMs);
      case 'second-entry':
        this.#entry = entries.entryFor(this.#visitor.treatedBits, random);
        this.#write(nowMs, this.#entry.landingKind, this.#entry.landingText);
        return this.#afterEntries(nowMs);
      case 'wish':
        return this.#look(nowMs);
      case 'cart':
        return this.#fillCart(nowMs);
      case 'checkout':
        this.#write(nowMs, 'checkout', entries.checkoutText);
        this.#stage = 'order';
        return this.#wantsToBuy ? this.#later(nowMs) : this.#leave(nowMs);
      case 'order':
        this.#parts.orders.place(nowMs, this.#wish, {
          visitor: this.#visitor,
          person: this.#person,
        });
        return this.#leave(nowMs);
    }
  }

  /** Tells that the device's id and the account are one visitor; visits before the start never were. */
  #logIn(nowMs: number): void {
    const { journal, options, visitors } = this.#parts;
    const timeMs = Math.floor(nowMs);
    if (timeMs < options.startMs) return;
    const account = visitors.accountOf(this.#visitor);
    journal.reference(
      timeMs,
      `,"source":"web","subject":"${account}","kind":"identity","visitor_id":"${this.#visitor.id}","into":"${account}"`,
    );
  }

  #showAdvertisement(nowMs: number): number {
    const entry = this.#impressions[this.#shown];
    if (entry !== undefined) this.#writeAs(nowMs, 'impression', entry, '');
    this.#shown += 1;
    if (this.#shown >= this.#impressions.length) this.#stage = 'landing';
    return nowMs + this.#parts.random.between(...IMPRESSION_MS);
  }

  #browse(nowMs: number): void {
    const { random, entries } = this.#parts;
    if (random.chance(VISIT.productShare))
      this.#write(nowMs, 'product_view', entries.randomProductText(random));
    else this.#write(nowMs, 'page_view', entries.pageText(random));
  }

  #afterBrowsing(nowMs: number): number {
    const { random } = this.#parts;
    if (random.chance(VISIT.browseOnShare)) return this.#later(nowMs);
    if (!random.chance(VISIT.secondEntryShare)) return this.#afterEntries(nowMs);
    this.#stage = 'second-entry';
    return this.#later(nowMs);
  }

  #afterEntries(nowMs: number): number {
    const { random, orders } = this.#parts;
    if (!this.#wantsToBuy && !random.chance(VISIT.idleCartShare)) return this.#leave(nowMs);
    this.#wish = orders.wish();
    this.#stage = 'wish';
    return this.#later(nowMs);
  }

  /** Looks at the product; where nothing of it is to be had, the wish is lost. */
  #look(nowMs: number): number {
    const { entries, orders } = this.#parts;
    this.#write(nowMs, 'product_view', entries.productText(this.#wish[0]?.sku ?? 0));
    if (orders.isPossible(this.#wish, this.#person.node)) {
      this.#stage = 'cart';
      return this.#later(nowMs);
    }
    if (this.#wantsToBuy)
      orders.place(nowMs, this.#wish, { visitor: this.#visitor, person: this.#person });
    return this.#leave(nowMs);
  }

  #fillCart(nowMs: number): number {
    const { random, entries } = this.#parts;
    this.#write(nowMs, 'add_to_cart', entries.productText(this.#wish[0]?.sku ?? 0));
    if (!this.#wantsToBuy && !random.chance(VISIT.idleCheckoutShare)) return this.#leave(nowMs);
    this.#stage = 'checkout';
    return this.#later(nowMs);
  }

  #write(nowMs: number, kind: ClickKind, place: string): void {
    this.#writeAs(nowMs, kind, this.#entry, place);
  }

  #writeAs(nowMs: number, kind: ClickKind, entry: Entry, place: string): void {
    const { journal, visitors, entries } = this.#parts;
    const isWritten = journal.click(Math.floor(nowMs), kind, entry, this.#author, place);
    if (!isWritten) return;
    if (kind === 'click') entries.pay(entry);
    if (!this.#visitor.isKnown) visitors.recordKnown(this.#visitor);
  }

  #later(nowMs: number): number {
    return nowMs + ACTION_MS_MIN + this.#parts.random.exponential(ACTION_MS_MEAN);
  }

  #leave(nowMs: number): number {
    this.#parts.visitors.leave(this.#visitor, nowMs);
    return Number.POSITIVE_INFINITY;
  }
}
