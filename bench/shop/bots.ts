import type { ClickKind } from '../../schemas/events/click.ts';
import type { Entries } from './entries.ts';
import { type ClickAuthor, type Entry, type Journal, LINE_END } from './journal.ts';
import type { ShopOptions } from './options.ts';
import { BROWSERS, addressOf } from './people.ts';
import { Random, WeightedChoice } from './random.ts';
import type { Rates } from './rates.ts';
import type { Process, Schedule } from './schedule.ts';
import type { BotKind, BotTruth } from './truth.ts';
import type { Visitors } from './visitors.ts';

/** Crawlers that say who they are, as they do in access logs. */
export const CRAWLERS = [
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
  'Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)',
  'Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)',
  'Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
  'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
  'DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)',
] as const;

interface Profile {
  readonly kind: BotKind;
  /** Share of runs, relative to the other kinds. */
  readonly weight: number;
  /** Fewest and most clicks of a run, both inclusive. */
  readonly clicks: readonly [number, number];
  readonly gapMs: readonly [number, number];
  /** The first three bytes of its addresses (RFC 5737, for documentation); undefined for a household's. */
  readonly network: string | undefined;
}

const PROFILES: readonly Profile[] = [
  {
    kind: 'declared_crawler',
    weight: 40,
    clicks: [8, 30],
    gapMs: [800, 4_000],
    network: '198.51.100',
  },
  // A new visitor id at every click: only the address gives it away.
  { kind: 'rotating_ids', weight: 20, clicks: [20, 60], gapMs: [500, 6_000], network: '192.0.2' },
  // Gaps whose coefficient of variation is about .01, far below the .1 of definitions.md §4.
  {
    kind: 'regular_gaps',
    weight: 20,
    clicks: [20, 40],
    gapMs: [9_800, 10_200],
    network: undefined,
  },
  // More than one request a second for over a minute.
  { kind: 'data_centre', weight: 20, clicks: [120, 200], gapMs: [250, 900], network: '203.0.113' },
];

const HOSTS_PER_NETWORK = 254;

export interface BotParts {
  readonly options: ShopOptions;
  readonly entries: Entries;
  readonly journal: Journal;
  readonly visitors: Visitors;
  readonly sessionIdStart: string;
}

/** Sends bots: runs start at any hour, as people sleep and machines do not. */
export class Bots implements Process {
  readonly #parts: BotParts;
  readonly #schedule: Schedule;
  readonly #random: Random;
  readonly #choice = new WeightedChoice(PROFILES.map(({ weight }) => weight));
  readonly #meanGapMs: number;
  readonly #running = new Set<BotRun>();
  #nextSession = 0;

  constructor(
    parts: BotParts,
    { schedule, rates }: { readonly schedule: Schedule; readonly rates: Rates },
  ) {
    this.#parts = parts;
    this.#schedule = schedule;
    this.#random = new Random(parts.options.seed, 'bots');
    const clicksPerRun = PROFILES.reduce(
      (sum, { clicks: [min, max] }, index) =>
        sum + ((min + max) / 2) * (this.#choice.shares[index] ?? 0),
      0,
    );
    this.#meanGapMs = clicksPerRun / rates.botClicksPerMs;
  }

  start(fromMs: number): void {
    if (Number.isFinite(this.#meanGapMs))
      this.#schedule.add(fromMs + this.#random.exponential(this.#meanGapMs), this);
  }

  step(nowMs: number): number {
    const profile = PROFILES[this.#choice.pick(this.#random.unit())];
    if (profile !== undefined) {
      const session = this.#parts.sessionIdStart + this.#nextSession;
      this.#nextSession += 1;
      const run: BotRun = new BotRun(this.#parts, { profile, session, random: this.#random }, () =>
        this.#running.delete(run),
      );
      this.#running.add(run);
      this.#schedule.add(nowMs, run);
    }
    return nowMs + this.#random.exponential(this.#meanGapMs);
  }

  /** The runs that have written something and are not over. */
  running(): BotTruth[] {
    return Array.from(this.#running, (run) => run.truth()).filter(({ clicks }) => clicks > 0);
  }
}

/** One bot at work, from its first click to its last. */
class BotRun implements Process {
  readonly #parts: BotParts;
  readonly #profile: Profile;
  readonly #random: Random;
  readonly #onEnd: () => void;
  readonly #session: string;
  readonly #ip: string;
  readonly #userAgent: string;
  readonly #visitorIds: string[] = [];
  #visitorId: string;
  #entry: Entry;
  #author: ClickAuthor;
  #left: number;
  #done = 0;
  #written = 0;
  #fromMs = 0;
  #toMs = 0;

  constructor(
    parts: BotParts,
    {
      profile,
      session,
      random,
    }: { readonly profile: Profile; readonly session: string; readonly random: Random },
    onEnd: () => void,
  ) {
    this.#parts = parts;
    this.#profile = profile;
    this.#random = random;
    this.#onEnd = onEnd;
    this.#session = session;
    this.#left = profile.clicks[0] + random.below(profile.clicks[1] - profile.clicks[0] + 1);
    this.#ip =
      profile.network === undefined
        ? addressOf(random.next(), random.next())
        : `${profile.network}.${1 + random.below(HOSTS_PER_NETWORK)}`;
    const agents: readonly string[] = profile.kind === 'declared_crawler' ? CRAWLERS : BROWSERS;
    this.#userAgent = agents[random.below(agents.length)] ?? '';
    this.#visitorId = this.#newVisitorId();
    this.#entry = this.#entryOf(this.#visitorId);
    this.#author = this.#authorOf(this.#visitorId);
  }

  step(nowMs: number): number {
    if (this.#profile.kind === 'rotating_ids' && this.#done > 0) {
      this.#visitorId = this.#newVisitorId();
      this.#entry = this.#entryOf(this.#visitorId);
      this.#author = this.#authorOf(this.#visitorId);
    }
    this.#click(Math.floor(nowMs));
    this.#done += 1;
    this.#left -= 1;
    if (this.#left > 0) return nowMs + this.#random.between(...this.#profile.gapMs);
    if (this.#written > 0) this.#parts.journal.record(this.truth());
    this.#onEnd();
    return Number.POSITIVE_INFINITY;
  }

  #newVisitorId(): string {
    const { visitors } = this.#parts;
    return visitors.idOf(visitors.takeNumber());
  }

  #entryOf(visitorId: string): Entry {
    const { entries, visitors } = this.#parts;
    if (this.#profile.kind === 'declared_crawler') return entries.openEntry(this.#random);
    return entries.paidEntryFor(
      (channel) => visitors.isHeldOutOf(channel, visitorId),
      this.#random,
    );
  }

  #authorOf(visitorId: string): ClickAuthor {
    return {
      isBot: true,
      firstText: `,"source":"web","visitor_id":"${visitorId}","session_id":"${this.#session}"`,
      lastText: `,"ip":"${this.#ip}","user_agent":"${this.#userAgent}"${LINE_END}`,
    };
  }

  #click(timeMs: number): void {
    const { entries, journal } = this.#parts;
    const [kind, place] = this.#actionOf();
    if (!journal.click(timeMs, kind, this.#entry, this.#author, place)) return;
    if (kind === 'click') entries.pay(this.#entry);
    if (this.#written === 0) this.#fromMs = timeMs;
    this.#toMs = timeMs;
    this.#written += 1;
    if (this.#visitorIds.at(-1) !== this.#visitorId) this.#visitorIds.push(this.#visitorId);
  }

  #actionOf(): [ClickKind, string] {
    const { entries } = this.#parts;
    const isFirst = this.#done === 0;
    switch (this.#profile.kind) {
      case 'declared_crawler':
        return isFirst
          ? ['page_view', ',"url":"https://shop.example/robots.txt"']
          : ['product_view', entries.randomProductText(this.#random)];
      case 'rotating_ids':
        return [this.#entry.landingKind, this.#entry.landingText];
      case 'regular_gaps':
      case 'data_centre':
        return isFirst
          ? [this.#entry.landingKind, this.#entry.landingText]
          : ['product_view', entries.randomProductText(this.#random)];
    }
  }

  /** What the run has written so far. */
  truth(): BotTruth {
    return {
      truth: 'bot',
      kind: this.#profile.kind,
      visitor_ids: [...this.#visitorIds],
      ip: this.#ip,
      user_agent: this.#userAgent,
      clicks: this.#written,
      from: this.#fromMs,
      to: this.#toMs,
    };
  }
}
