import { HOUR_MS } from '../../../../schemas/time.ts';
import {
  type BotClicksRow,
  type BotWithdrawalRow,
  parseBotClicksRow,
  parseBotWithdrawalRow,
} from './bot-rows.ts';
import { Freshness } from './freshness.ts';
import type { PageTopic, ServerMessage } from './messages.ts';
import {
  type AlertRow,
  type AttributionRow,
  type ChannelRow,
  type FulfilmentRow,
  type ParityRow,
  type PipelineRow,
  type StockRow,
  parseAlertRow,
  parseAttributionRow,
  parseChannelRow,
  parseFulfilmentRow,
  parseParityRow,
  parsePipelineRow,
  parseStockRow,
} from './rows.ts';
import { TopicRows } from './topic-rows.ts';
import { type BotVerdict, parseVerdict } from './verdicts.ts';
import { Withdrawals } from './withdrawals.ts';

/** How far back the channels are shown live, by event time: what the server keeps too. */
export const CHANNELS_SHOWN_MS = 3 * HOUR_MS;

/** Withdrawals are shown for a quarter of an hour; clocks of server and browser may differ by more. */
const WITHDRAWALS_KEPT_MS = HOUR_MS;

/** Newest verdicts that are kept at least, of which a few are shown. */
const VERDICTS_KEPT = 200;

/** Errors of the server that are kept for the pipeline panel; older ones are of no use to a reader. */
const SERVER_ERRORS_MAX = 3;

export interface ServerError {
  readonly code: string;
  readonly message: string;
  readonly at: number;
}

/** Everything the page knows, as the server told it. Changes only through `apply`. */
export class LiveStore {
  readonly channels = new TopicRows<ChannelRow>({
    parse: parseChannelRow,
    keyOf: (row) => `${row.window_start}\u0000${row.channel}\u0000${row.currency}`,
  });
  readonly bots = new TopicRows<BotClicksRow>({
    parse: parseBotClicksRow,
    keyOf: (row) => `${row.window_start}\u0000${row.channel}\u0000${row.reason}`,
  });
  readonly botWithdrawals = new TopicRows<BotWithdrawalRow>({
    parse: parseBotWithdrawalRow,
    keyOf: (row) => `${row.window_start}\u0000${row.channel}\u0000${row.reason}`,
  });
  readonly verdicts = new TopicRows<BotVerdict>({
    parse: parseVerdict,
    keyOf: (row) => row.visitorToken,
  });
  readonly attribution = new TopicRows<AttributionRow>({
    parse: parseAttributionRow,
    keyOf: (row) =>
      [row.window_start, row.model, row.channel, row.campaign, row.currency].join('\u0000'),
  });
  readonly stock = new TopicRows<StockRow>({
    parse: parseStockRow,
    keyOf: (row) => `${row.sku}\u0000${row.node_id}`,
  });
  readonly parity = new TopicRows<ParityRow>({
    parse: parseParityRow,
    keyOf: (row) => `${row.sku}\u0000${row.channel}`,
  });
  readonly fulfilment = new TopicRows<FulfilmentRow>({
    parse: parseFulfilmentRow,
    keyOf: (row) => [row.window_start, row.zone, row.node_id, row.bin].join('\u0000'),
  });
  readonly alerts = new TopicRows<AlertRow>({
    parse: parseAlertRow,
    keyOf: (row) => row.alert_id,
  });
  readonly #pipeline = new TopicRows<PipelineRow>({
    parse: parsePipelineRow,
    keyOf: () => 'pipeline',
  });
  readonly freshness = new Freshness();
  readonly withdrawals = new Withdrawals();
  #watermark: number | undefined;
  #newestWindowStart: number | undefined;
  #serverErrors: readonly ServerError[] = [];
  #newestAlert: AlertRow | undefined;

  get pipeline(): PipelineRow | undefined {
    return this.#pipeline.rows.get('pipeline');
  }

  /** Windows that end at or before it are matured; undefined until the server names one. */
  get watermark(): number | undefined {
    return this.pipeline?.watermark ?? this.#watermark;
  }

  /** Start of the newest minute among the channels: "now" by event time. */
  get newestWindowStart(): number | undefined {
    return this.#newestWindowStart;
  }

  get serverErrors(): readonly ServerError[] {
    return this.#serverErrors;
  }

  /** The incident that opened last while the page was open, for those who do not see it appear. */
  get newestAlert(): AlertRow | undefined {
    return this.#newestAlert;
  }

  /** Rows of any topic that did not have the promised shape. */
  get refusedCount(): number {
    const topics = [
      this.channels,
      this.bots,
      this.botWithdrawals,
      this.verdicts,
      this.attribution,
      this.stock,
      this.parity,
      this.fulfilment,
      this.alerts,
      this.#pipeline,
    ];
    return topics.reduce((sum, topic) => sum + topic.refusedCount, 0);
  }

  seqOf(topic: PageTopic): number | undefined {
    return this.#topic(topic).seq;
  }

  /** Makes the next answer of a topic a snapshot: its filter changed. */
  forgetPosition(topic: PageTopic): void {
    this.#topic(topic).forgetPosition();
  }

  /** Applies one message, received at `receivedAt` by the browser's clock. */
  apply(message: ServerMessage, receivedAt: number): void {
    switch (message.kind) {
      case 'snapshot':
        this.#applyRows(message, receivedAt);
        return;
      case 'update':
        if (message.sentAt !== undefined) this.freshness.heard(message.sentAt, receivedAt);
        this.#applyRows(message, receivedAt);
        return;
      case 'alert': {
        const alert = this.alerts.put(message.row);
        if (alert !== undefined && alert.resolved_at === undefined) this.#newestAlert = alert;
        return;
      }
      case 'error': {
        const { code, message: text } = message;
        const errors = [{ code, message: text, at: receivedAt }, ...this.#serverErrors];
        this.#serverErrors = errors.slice(0, SERVER_ERRORS_MAX);
        return;
      }
      case 'pong':
        return;
    }
  }

  #applyRows(
    message: Extract<ServerMessage, { readonly kind: 'snapshot' | 'update' }>,
    receivedAt: number,
  ): void {
    if (message.watermark !== undefined) this.#watermark = message.watermark;
    const { topic, seq, rows } = message;
    const take = message.kind === 'snapshot' ? 'replace' : 'merge';
    switch (topic) {
      case 'channels': {
        const shownUntil = this.#newestWindowStart;
        // A snapshot may come from an emptied data directory whose newest minute is older.
        if (message.kind === 'snapshot') this.#newestWindowStart = undefined;
        this.channels[take](seq, rows, (before, after) => {
          this.withdrawals.record(before, after, receivedAt);
          const newest = this.#newestWindowStart ?? after.window_start;
          this.#newestWindowStart = Math.max(newest, after.window_start);
        });
        if (this.#newestWindowStart !== shownUntil) this.#pruneChannels();
        break;
      }
      case 'bots':
        this.bots[take](seq, rows);
        break;
      case 'bot_withdrawals':
        this.botWithdrawals[take](seq, rows);
        this.botWithdrawals.prune((row) => row.window_start < receivedAt - WITHDRAWALS_KEPT_MS);
        break;
      case 'verdicts':
        this.verdicts[take](seq, rows);
        this.#pruneVerdicts();
        break;
      case 'attribution':
        this.attribution[take](seq, rows);
        break;
      case 'stock':
        this.stock[take](seq, rows);
        break;
      case 'parity':
        this.parity[take](seq, rows);
        break;
      case 'fulfilment':
        this.fulfilment[take](seq, rows);
        break;
      case 'alerts':
        this.alerts[take](seq, rows, (before, after) => {
          const isNew = before === undefined && message.kind === 'update';
          if (isNew && after.resolved_at === undefined) this.#newestAlert = after;
        });
        return;
      case 'pipeline': {
        this.#pipeline[take](seq, rows);
        const { pipeline } = this;
        if (pipeline !== undefined) this.freshness.pipelineChanged(receivedAt, pipeline);
        return;
      }
    }
    if (message.kind === 'update' && rows.length > 0) {
      this.freshness.dataChanged(receivedAt, message);
    }
  }

  #pruneVerdicts(): void {
    if (this.verdicts.rows.size < 2 * VERDICTS_KEPT) return;
    const newestFirst = [...this.verdicts.rows.values()].toSorted(
      (a, b) => b.decidedAt - a.decidedAt,
    );
    const oldest = newestFirst[VERDICTS_KEPT]?.decidedAt ?? 0;
    this.verdicts.prune(({ decidedAt }) => decidedAt <= oldest);
  }

  #pruneChannels(): void {
    const newest = this.#newestWindowStart;
    if (newest === undefined) return;
    this.channels.prune((row) => row.window_start <= newest - CHANNELS_SHOWN_MS);
    this.bots.prune((row) => row.window_start <= newest - CHANNELS_SHOWN_MS);
  }

  #topic(topic: PageTopic): Pick<TopicRows<unknown>, 'seq' | 'forgetPosition'> {
    const topics = {
      channels: this.channels,
      bots: this.bots,
      bot_withdrawals: this.botWithdrawals,
      verdicts: this.verdicts,
      attribution: this.attribution,
      stock: this.stock,
      parity: this.parity,
      fulfilment: this.fulfilment,
      alerts: this.alerts,
      pipeline: this.#pipeline,
    };
    return topics[topic];
  }
}
