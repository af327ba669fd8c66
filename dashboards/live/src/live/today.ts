import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../../schemas/time.ts';
import type { Clock } from './connection.ts';
import { type ChannelRow, isJsonObject, parseChannelRow, textIn } from './rows.ts';
import { CHANNELS_SHOWN_MS } from './store.ts';

/** Earlier hours change by corrections only; a minute is fresh enough for them. */
const REFRESH_AFTER_MS = MINUTE_MS;

/** An accelerated shop ends an hour every few seconds; asking for each would load the server for nothing. */
const FETCH_APART_MS = 2 * SECOND_MS;

/** 24 hours of a hundred channels in two currencies fill five pages; more means a server that loops. */
const PAGES_MAX = 20;

/** Takes JSON from the server: `fetch`, or a test's stand-in. */
export type GetJson = (path: string) => Promise<unknown>;

/**
 * The hours of a UTC day that the live view no longer holds. Whole hours come from the stored rows,
 * minutes after them from the live view, so that nothing is counted twice.
 */
export class TodayHours {
  readonly #clock: Clock;
  readonly #getJson: GetJson;
  readonly #changed: () => void;
  #rows: readonly ChannelRow[] = [];
  #revision = 0;
  #problem: string | undefined;
  #span: { readonly from: number; readonly to: number } | undefined;
  #askedAt: number | undefined;
  #isAsking = false;

  constructor(options: {
    readonly clock: Clock;
    readonly getJson: GetJson;
    readonly changed: () => void;
  }) {
    this.#clock = options.clock;
    this.#getJson = options.getJson;
    this.#changed = options.changed;
  }

  /** Grows when the stored hours change. */
  get revision(): number {
    return this.#revision;
  }

  /** Why the earlier hours are missing or old; undefined when they are not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Whether the stored hours join on to the live minutes of `newestStart`. */
  isComplete(newestStart: number): boolean {
    const { from, to } = spanBefore(newestStart);
    return to <= from || (this.#span?.from === from && this.#span.to === to);
  }

  /** The rows of the UTC day of `newestStart`: stored hours, then the live minutes after them. */
  join(live: Iterable<ChannelRow>, newestStart: number): readonly ChannelRow[] {
    const dayStart = Math.floor(newestStart / DAY_MS) * DAY_MS;
    const hasHours = this.#span?.from === dayStart;
    const liveFrom = hasHours ? (this.#span?.to ?? dayStart) : dayStart;
    const minutes = [...live].filter((row) => row.window_start >= liveFrom);
    return hasHours ? [...this.#rows, ...minutes] : minutes;
  }

  /** Asks for the stored hours when they are missing or old. Call it whenever today is shown. */
  async refresh(newestStart: number): Promise<void> {
    const span = spanBefore(newestStart);
    const now = this.#clock.now();
    const sinceAskedMs = now - (this.#askedAt ?? Number.NEGATIVE_INFINITY);
    if (this.#isAsking || span.to <= span.from || sinceAskedMs < FETCH_APART_MS) return;
    if (this.isComplete(newestStart) && sinceAskedMs < REFRESH_AFTER_MS) return;
    this.#isAsking = true;
    this.#askedAt = now;
    try {
      this.#rows = await this.#fetchRows(span);
      this.#span = span;
      this.#problem = undefined;
      this.#revision += 1;
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
    this.#isAsking = false;
    this.#changed();
  }

  async #fetchRows(span: { from: number; to: number }): Promise<readonly ChannelRow[]> {
    const rows: ChannelRow[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const path = `/v1/channels?grain=hour&from=${span.from}&to=${span.to}`;
      const next = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const answer = await this.#getJson(path + next);
      if (!isJsonObject(answer) || !Array.isArray(answer['rows'])) {
        throw new TypeError('Expected rows of channels by hour, got something else');
      }
      for (const json of answer['rows']) {
        const row = isJsonObject(json) ? parseChannelRow(json) : undefined;
        if (row !== undefined) rows.push(row);
      }
      cursor = textIn(answer, 'next_cursor');
      if (cursor === undefined) return rows;
    }
    throw new RangeError(`Expected at most ${PAGES_MAX} pages of hours`);
  }
}

/** From the start of the day to the first whole hour that the live view holds completely. */
function spanBefore(newestStart: number): { readonly from: number; readonly to: number } {
  const from = Math.floor(newestStart / DAY_MS) * DAY_MS;
  const oldestLive = newestStart - CHANNELS_SHOWN_MS + MINUTE_MS;
  return { from, to: Math.ceil(oldestLive / HOUR_MS) * HOUR_MS };
}
