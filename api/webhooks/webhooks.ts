import { ALERTS } from '../../schemas/alert.ts';
import type { Row } from '../../schemas/panel.ts';
import type { EnginePort } from '../../schemas/ports.ts';
import { MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { type AlertState, alertStateOf } from '../alert-state.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Journal } from './journal.ts';
import {
  type Message,
  type Notice,
  type Transition,
  digestMessage,
  noticeMessage,
  textOf,
} from './message.ts';
import type { Sent } from './send.ts';

/** How webhooks are told what has happened. */
export interface WebhookOptions {
  readonly engine: EnginePort;
  readonly targets: readonly string[];
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly publicUrl: string | undefined;
  /** Whether messages have a button by which Slack takes an alert over. */
  readonly hasButton: boolean;
  /** How soon an incident that comes back counts as the same one that flaps, milliseconds. */
  readonly flapMs: number;
  /** Whether nobody wants to hear of an alert at the moment. */
  readonly isSilenced: (alert: Row, nowMs: number) => boolean;
  readonly send: (target: string, message: Message, nowMs: number) => Promise<Sent>;
}

const STEP_MS = 500;
/** An alert has to stand this long before it is told: late events of the same moment may withdraw it. */
const SETTLE_MS = 2 * SECOND_MS;
/** Messages of single alerts a minute; beyond it the rest of the minute is one digest. */
const SINGLE_PER_MINUTE = 20;
/** Waits before the next attempt; the last one repeats until `ATTEMPTS_MAX`. */
const RETRY_MS = [SECOND_MS, 5 * SECOND_MS, 30 * SECOND_MS, 2 * MINUTE_MS, 10 * MINUTE_MS] as const;
/** About a day of attempts; a receiver that is away longer finds everything in the inbox. */
const ATTEMPTS_MAX = 150;

/** What of an alert needs no message any more. */
const OPENED = 1;
const ACKNOWLEDGED = 2;
const RESOLVED = 4;
const SILENCED = 8;

/** A message on its way to one target. */
interface Delivery {
  readonly target: string;
  readonly message: Message;
  attempts: number;
  nextAtMs: number;
}

/**
 * Tells webhooks of alerts: at most one message per incident and transition, a digest when there are
 * many at once, nothing of what is silenced, and one message for what flaps. It writes down what it is
 * about to say before it says it, so that a restart repeats only what no receiver has answered.
 */
export class Webhooks {
  readonly #options: WebhookOptions;
  readonly #changed = new Map<string, { alert: Row; readonly sinceMs: number }>();
  /** Alerts that have resolved and may come back, by what they are about. */
  readonly #held = new Map<string, { readonly alert: Row; readonly untilMs: number }>();
  readonly #flapCounts = new Map<string, number>();
  readonly #deliveries: Delivery[] = [];
  readonly #sending = new Set<string>();
  #digest: Notice[] = [];
  #digestBits = new Map<string, number>();
  #minuteStartMs = 0;
  #minuteCount = 0;
  #digestCount = 0;
  #stops: (() => void)[] = [];

  constructor(options: WebhookOptions) {
    this.#options = options;
    for (const { target, message } of options.journal.waiting.values()) {
      this.#deliveries.push({ target, message, attempts: 0, nextAtMs: 0 });
    }
  }

  /** Begins to follow the engine; what was open before the first start is no news. */
  start(): void {
    const { engine, clock, journal } = this.#options;
    const { updates } = engine.current(ALERTS.name, 0);
    if (journal.isNew) {
      const handled = updates.map(({ row }) => ({
        alertId: textOf(row, 'alert_id'),
        bits: doneBits(row),
      }));
      journal.add(handled, []);
    } else {
      this.#notice(updates.map(({ row }) => row));
    }
    this.#stops = [
      engine.subscribe((batch) => {
        this.#notice(
          batch.updates.filter(({ table }) => table === ALERTS.name).map(({ row }) => row),
        );
      }),
      clock.every(STEP_MS, () => this.step()),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
  }

  /** How many messages no receiver has taken yet. */
  get waitingCount(): number {
    return this.#options.journal.waiting.size + this.#digest.length;
  }

  /** Decides what has settled, and sends what is due. */
  step(): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#minuteStartMs >= MINUTE_MS) {
      this.#sendDigest();
      this.#minuteStartMs = nowMs;
      this.#minuteCount = 0;
    }
    for (const [alertId, { alert, sinceMs }] of this.#changed) {
      if (nowMs - sinceMs < SETTLE_MS) continue;
      this.#changed.delete(alertId);
      this.#decide(alert, nowMs);
    }
    for (const [subject, { alert, untilMs }] of this.#held) {
      if (nowMs < untilMs) continue;
      this.#held.delete(subject);
      this.#tell(alert, 'resolved', OPENED | ACKNOWLEDGED | RESOLVED);
      this.#flapCounts.delete(subject);
    }
    this.#sendDue();
  }

  /** Sends what is due, one message at a time to each target. */
  #sendDue(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const delivery of this.#deliveries) {
      if (delivery.nextAtMs <= nowMs && !this.#sending.has(delivery.target)) {
        this.#sending.add(delivery.target);
        void this.#attempt(delivery, nowMs);
      }
    }
  }

  #notice(alerts: readonly Row[]): void {
    const nowMs = this.#options.clock.nowMs();
    for (const alert of alerts) {
      const alertId = textOf(alert, 'alert_id');
      const changed = this.#changed.get(alertId);
      if (changed === undefined) this.#changed.set(alertId, { alert, sinceMs: nowMs });
      else changed.alert = alert;
    }
  }

  #decide(alert: Row, nowMs: number): void {
    const bits = this.#bitsOf(alert);
    const state: AlertState = alertStateOf(alert);
    if ((bits & SILENCED) !== 0) return;
    if ((bits & OPENED) === 0) {
      // Nobody has heard of it: what is over already is no news.
      if (state === 'resolved' || state === 'withdrawn') this.#settle(alert, doneBits(alert));
      else if (this.#options.isSilenced(alert, nowMs)) this.#settle(alert, SILENCED);
      else if (!this.#isFlap(alert)) {
        if (state === 'open') this.#tell(alert, 'opened', OPENED);
        else this.#tell(alert, 'acknowledged', OPENED | ACKNOWLEDGED);
      }
      return;
    }
    if (state === 'acknowledged' && (bits & ACKNOWLEDGED) === 0) {
      this.#tell(alert, 'acknowledged', bits | ACKNOWLEDGED);
    } else if (state === 'withdrawn' && (bits & RESOLVED) === 0) {
      this.#tell(alert, 'withdrawn', bits | RESOLVED);
    } else if (state === 'resolved' && (bits & RESOLVED) === 0) {
      this.#held.set(subjectOf(alert), { alert, untilMs: nowMs + this.#options.flapMs });
    }
  }

  /** Whether the alert is one that had just resolved and comes back: neither is told then. */
  #isFlap(alert: Row): boolean {
    const subject = subjectOf(alert);
    const held = this.#held.get(subject);
    if (held === undefined) return false;
    this.#held.delete(subject);
    this.#flapCounts.set(subject, (this.#flapCounts.get(subject) ?? 0) + 1);
    this.#settle(held.alert, OPENED | ACKNOWLEDGED | RESOLVED);
    this.#settle(alert, OPENED);
    return true;
  }

  #tell(alert: Row, transition: Transition, bits: number): void {
    const flapCount = this.#flapCounts.get(subjectOf(alert)) ?? 0;
    const notice: Notice = { transition, alert, flapCount };
    this.#minuteCount += 1;
    if (this.#minuteCount > SINGLE_PER_MINUTE) {
      // Not written down as told before the digest is: a crash in between tells it again.
      const alertId = textOf(alert, 'alert_id');
      this.#digest.push(notice);
      this.#digestBits.set(alertId, bits);
      return;
    }
    this.#send(noticeMessage(notice, this.#options), [
      { alertId: textOf(alert, 'alert_id'), bits },
    ]);
  }

  #sendDigest(): void {
    if (this.#digest.length === 0) return;
    const notices = this.#digest;
    this.#digest = [];
    this.#digestCount += 1;
    const deliveryId = `digest/${this.#options.clock.nowMs()}/${this.#digestCount}`;
    const bits = this.#digestBits;
    this.#digestBits = new Map();
    this.#send(
      digestMessage(notices, deliveryId),
      [...bits].map(([alertId, each]) => ({ alertId, bits: each })),
    );
  }

  #send(
    message: Message,
    handled: readonly { readonly alertId: string; readonly bits: number }[],
  ): void {
    const { targets, journal } = this.#options;
    journal.add(
      handled,
      targets.map((target) => ({ target, message })),
    );
    for (const target of targets) {
      this.#deliveries.push({ target, message, attempts: 0, nextAtMs: 0 });
    }
  }

  #settle(alert: Row, bits: number): void {
    this.#options.journal.add([{ alertId: textOf(alert, 'alert_id'), bits }], []);
  }

  #bitsOf(alert: Row): number {
    const alertId = textOf(alert, 'alert_id');
    // What waits for the digest is as good as told.
    return (this.#options.journal.handled.get(alertId) ?? 0) | (this.#digestBits.get(alertId) ?? 0);
  }

  async #attempt(delivery: Delivery, nowMs: number): Promise<void> {
    const { target, message } = delivery;
    const { journal, logger } = this.#options;
    const sent = await this.#options.send(target, message, nowMs);
    this.#sending.delete(target);
    delivery.attempts += 1;
    const isOver =
      sent.kind === 'delivered' || sent.kind === 'refused' || delivery.attempts >= ATTEMPTS_MAX;
    if (isOver) {
      this.#deliveries.splice(this.#deliveries.indexOf(delivery), 1);
      journal.settle(target, message);
    } else {
      const waitMs = RETRY_MS[Math.min(delivery.attempts, RETRY_MS.length) - 1] ?? MINUTE_MS;
      delivery.nextAtMs = this.#options.clock.nowMs() + waitMs;
    }
    if (sent.kind !== 'delivered') {
      const fields = { reason: sent.reason, attempt: delivery.attempts };
      if (isOver) logger.error(fields, 'Webhook message was given up; the alert is in the inbox');
      else logger.warn(fields, 'Webhook message failed and is tried again');
    }
    if (this.#stops.length > 0) this.#sendDue();
  }
}

/** What an alert is about, whatever incident of it. */
function subjectOf(alert: Row): string {
  return [
    textOf(alert, 'kind'),
    textOf(alert, 'entity_key'),
    textOf(alert, 'node_id'),
    textOf(alert, 'subject'),
  ].join('\u0000');
}

/** The transitions that an alert has behind it. */
function doneBits(alert: Row): number {
  switch (alertStateOf(alert)) {
    case 'open':
      return OPENED;
    case 'acknowledged':
      return OPENED | ACKNOWLEDGED;
    case 'resolved':
    case 'withdrawn':
      return OPENED | ACKNOWLEDGED | RESOLVED;
  }
}
