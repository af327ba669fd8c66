import type { LiveTopic, Panel, Row, UpdateBatch, Value } from '../../schemas/panel.ts';
import type { EnginePort, PipelineStatus } from '../../schemas/ports.ts';
import { SECOND_MS } from '../../schemas/time.ts';
import { isOpenAlert } from '../alert-state.ts';
import type { Clock } from '../clock.ts';
import {
  FrameCache,
  type Subscription,
  type Topic,
  type Watcher,
  channelOf,
  dropFromChannel,
} from './channel.ts';
import { matches } from './filter.ts';
import {
  type LiveError,
  type SubscribeMessage,
  alertMessage,
  parseFilter,
  snapshotTail,
  subscribedMessage,
  updateTail,
} from './messages.ts';
import { EventRate, PIPELINE_PANEL, pipelineRow } from './pipeline-row.ts';
import { LiveView, type ViewChange, type ViewRow } from './view.ts';
import { CLOSE_GOING_AWAY, CLOSE_TOO_SLOW, type Viewer } from './viewer.ts';

/** One page needs one subscription per topic; a wall of filtered tiles a few more. */
export const SUBSCRIPTIONS_MAX = 32;

/** How long a viewer may stay behind before it is closed: long enough for a laptop to change networks. */
export const BEHIND_MS_MAX = 30 * SECOND_MS;

/** How often windows, slow viewers and the pipeline row are looked at when nothing else happens. */
export const TICK_MS = SECOND_MS;

export interface LiveLimits {
  /** Bytes that may wait in one connection before its updates are merged instead of written. */
  readonly bufferedBytesMax: number;
  /** Connections that watch at the same time. */
  readonly viewersMax: number;
}

/** What the hub counts for `/metrics`. */
export interface LiveCounter {
  connections(change: 1 | -1): void;
  sent(messages: number): void;
  merged(): void;
  closedTooSlow(): void;
  /** How long ago the log took the newest event of an update that was sent just now. */
  delayed(durationMs: number): void;
}

/**
 * Keeps the live views and brings their changes to every viewer. A change is encoded once for each
 * topic, filter, subscription id and kind of connection. A viewer whose connection is full is left
 * alone until it has drained and then gets the newest value of each row it missed: it costs one number
 * per subscription, however far behind it is.
 */
export class LiveHub {
  readonly #engine: EnginePort;
  readonly #clock: Clock;
  readonly #limits: LiveLimits;
  readonly #counter: LiveCounter;
  readonly #topics = new Map<LiveTopic, Topic>();
  readonly #watchers = new Map<Viewer, Watcher>();
  readonly #rate = new EventRate();
  readonly #stops: (() => void)[] = [];
  #watermarkMs: number | null = null;
  #statusCount = 0;

  constructor(options: {
    readonly engine: EnginePort;
    /** The first panel of a topic feeds it; further ones are for queries only. */
    readonly panels: readonly Panel[];
    readonly clock: Clock;
    readonly limits: LiveLimits;
    readonly counter: LiveCounter;
    /**
     * Where numbering starts, so far from where other processes start that their numbers never meet:
     * a viewer that resumes here with a number of another process is then noticed.
     */
    readonly firstSeq: number;
  }) {
    this.#engine = options.engine;
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#counter = options.counter;
    for (const panel of [...options.panels, PIPELINE_PANEL]) {
      if (this.#topics.has(panel.topic)) continue;
      this.#topics.set(panel.topic, {
        name: panel.topic,
        view: new LiveView(panel, options.firstSeq),
        channels: new Map(),
        newestEventMs: null,
        newestAppendedMs: null,
      });
    }
  }

  /** Fills the views from the engine and follows it from here on. */
  start(): void {
    const status = this.#engine.status();
    this.#stops.push(
      this.#engine.subscribe((batch) => {
        this.#take(batch);
      }),
    );
    for (const topic of this.#topics.values()) {
      const { table, retentionMs, windowMs } = topic.view.panel.live;
      if (table === PIPELINE_PANEL.live.table) continue;
      topic.view.startAt(status.watermark, status.allowed_lateness_ms);
      const sinceMs =
        retentionMs === undefined || status.watermark === null
          ? 0
          : status.watermark - retentionMs - (windowMs ?? 0);
      const batch = this.#engine.current(table, sinceMs);
      topic.view.fold(batch.updates);
      noteFreshness(topic, batch);
    }
    this.#advance(status);
    for (const topic of this.#topics.values()) topic.view.commit();
    this.#stops.push(
      this.#clock.every(TICK_MS, () => {
        this.#tick();
      }),
    );
  }

  /** Stops following the engine and ends every connection. */
  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
    for (const viewer of this.#watchers.keys()) {
      this.leave(viewer);
      viewer.close(CLOSE_GOING_AWAY, 'The server is stopping');
    }
  }

  /** Takes a connection in; false when there are as many as the limit allows. */
  join(viewer: Viewer): boolean {
    if (this.#watchers.size >= this.#limits.viewersMax) return false;
    this.#watchers.set(viewer, {
      viewer,
      subscriptions: new Map(),
      behindSinceMs: undefined,
    });
    this.#counter.connections(1);
    return true;
  }

  /** Forgets a connection; harmless when it has left already. */
  leave(viewer: Viewer): void {
    const watcher = this.#watchers.get(viewer);
    if (watcher === undefined) return;
    this.#watchers.delete(viewer);
    for (const subscription of watcher.subscriptions.values()) dropFromChannel(subscription);
    this.#counter.connections(-1);
  }

  /** Starts a subscription: its first message is a snapshot, or an update when resuming was possible. */
  subscribe(viewer: Viewer, request: SubscribeMessage): LiveError | undefined {
    const watcher = this.#watchers.get(viewer);
    if (watcher === undefined) return undefined;
    const { id, topic: name } = request;
    const topic = this.#topics.get(name);
    if (topic === undefined) {
      const known = [...this.#topics.keys()].join(', ');
      return {
        code: 'LIVE_TOPIC_UNKNOWN',
        message: `Topic ${name} has no rows here; expected one of ${known}`,
        id,
      };
    }
    if (watcher.subscriptions.has(id)) {
      return {
        code: 'LIVE_ID_IN_USE',
        message: 'This id is subscribed already; unsubscribe it first or take another',
        id,
      };
    }
    if (watcher.subscriptions.size >= SUBSCRIPTIONS_MAX) {
      return {
        code: 'LIVE_SUBSCRIPTION_LIMIT',
        message: `A connection may hold ${SUBSCRIPTIONS_MAX} subscriptions`,
        id,
      };
    }
    const filter = parseFilter(topic.view.panel, request.filter);
    if (typeof filter === 'string') return { code: 'LIVE_FILTER_INVALID', message: filter, id };
    const channel = channelOf(topic, filter);
    const { resumeFrom } = request;
    const canResume =
      resumeFrom !== undefined && topic.view.changedSince(resumeFrom, filter) !== undefined;
    const subscription: Subscription = {
      id,
      channel,
      watcher,
      sentSeq: canResume ? resumeFrom : undefined,
    };
    watcher.subscriptions.set(id, subscription);
    channel.subscriptions.add(subscription);
    if (this.#isFull(watcher)) this.#markBehind(watcher);
    else this.#bringUpToDate(subscription);
    return undefined;
  }

  unsubscribe(viewer: Viewer, id: string): LiveError | undefined {
    const watcher = this.#watchers.get(viewer);
    const subscription = watcher?.subscriptions.get(id);
    if (watcher === undefined || subscription === undefined) {
      return { code: 'LIVE_SUBSCRIPTION_UNKNOWN', message: 'No subscription has this id', id };
    }
    watcher.subscriptions.delete(id);
    dropFromChannel(subscription);
    return undefined;
  }

  /** To be called when a connection has room again. */
  drained(viewer: Viewer): void {
    const watcher = this.#watchers.get(viewer);
    if (watcher?.behindSinceMs !== undefined) this.#catchUp(watcher);
  }

  /** The current row of a topic by its key columns, as viewers see it. */
  find(topic: LiveTopic, ...key: readonly Value[]): Row | undefined {
    return this.#topics.get(topic)?.view.find(...key);
  }

  #take(batch: UpdateBatch): void {
    this.#advance(this.#engine.status());
    for (const topic of this.#topics.values()) {
      topic.view.fold(batch.updates);
      const change = topic.view.commit();
      if (change === undefined) continue;
      noteFreshness(topic, batch);
      this.#publish(topic, change);
    }
    if (isInstant(batch.newestAppendedMs)) {
      this.#counter.delayed(Math.max(0, this.#clock.nowMs() - batch.newestAppendedMs));
    }
  }

  #advance(status: PipelineStatus): void {
    this.#watermarkMs = status.watermark;
    for (const topic of this.#topics.values()) {
      topic.view.advance(status.watermark, status.allowed_lateness_ms);
    }
  }

  #tick(): void {
    const nowMs = this.#clock.nowMs();
    const status = this.#engine.status();
    this.#advance(status);
    this.#statusCount += 1;
    const rate = this.#rate.observe(status.counts.received, nowMs);
    this.#topics.get(PIPELINE_PANEL.topic)?.view.fold([
      {
        table: PIPELINE_PANEL.live.table,
        task: 'api',
        version: this.#statusCount,
        row: pipelineRow(status, rate),
      },
    ]);
    for (const topic of this.#topics.values()) {
      const change = topic.view.commit();
      if (change === undefined) continue;
      topic.newestAppendedMs = null;
      this.#publish(topic, change);
    }
    for (const watcher of this.#watchers.values()) this.#hurry(watcher, nowMs);
  }

  #hurry(watcher: Watcher, nowMs: number): void {
    if (watcher.behindSinceMs === undefined) return;
    this.#catchUp(watcher);
    if (watcher.behindSinceMs === undefined || nowMs - watcher.behindSinceMs <= BEHIND_MS_MAX) {
      return;
    }
    this.#counter.closedTooSlow();
    this.leave(watcher.viewer);
    watcher.viewer.close(CLOSE_TOO_SLOW, 'The connection takes updates too slowly');
  }

  #publish(topic: Topic, change: ViewChange): void {
    const newAlerts =
      topic.name === 'alerts' ? change.added.filter(({ row }) => isOpenAlert(row)) : [];
    for (const channel of topic.channels.values()) {
      // A row that passes no longer is sent once more, so that its viewers can let it go.
      const passes = ({ row, previous }: ViewRow): boolean =>
        matches(channel.filter, row) ||
        (previous !== undefined && matches(channel.filter, previous));
      const rows = channel.filter.size === 0 ? change.rows : change.rows.filter(passes);
      if (rows.length === 0) {
        for (const subscription of channel.subscriptions) {
          if (subscription.watcher.behindSinceMs === undefined) subscription.sentSeq = change.seq;
        }
        continue;
      }
      const tail = this.#updateTail(topic, rows);
      const frames = new FrameCache();
      const alerts = newAlerts.filter(passes).map(alertMessage);
      for (const subscription of channel.subscriptions) {
        const { watcher, id } = subscription;
        if (watcher.behindSinceMs !== undefined) continue;
        if (this.#isFull(watcher)) {
          this.#markBehind(watcher);
          continue;
        }
        const { viewer } = watcher;
        viewer.write(
          frames.update(viewer.encoding, id, { topic: topic.name, seq: change.seq, tail }),
        );
        for (const alert of alerts) viewer.write(frames.plain(viewer.encoding, alert));
        this.#counter.sent(1 + alerts.length);
        subscription.sentSeq = change.seq;
      }
    }
  }

  #isFull(watcher: Watcher): boolean {
    return watcher.viewer.bufferedBytes() > this.#limits.bufferedBytesMax;
  }

  #markBehind(watcher: Watcher): void {
    watcher.behindSinceMs ??= this.#clock.nowMs();
  }

  /** Writes what a viewer has missed, as far as its connection has room. */
  #catchUp(watcher: Watcher): void {
    for (const [id, subscription] of watcher.subscriptions) {
      if (subscription.sentSeq === subscription.channel.topic.view.seq) continue;
      if (this.#isFull(watcher)) return;
      this.#counter.merged();
      this.#bringUpToDate(subscription);
      // To the end of the line, so that a busy topic cannot keep the others waiting.
      watcher.subscriptions.delete(id);
      watcher.subscriptions.set(id, subscription);
    }
    watcher.behindSinceMs = undefined;
  }

  #bringUpToDate(subscription: Subscription): void {
    const { channel, watcher, id, sentSeq } = subscription;
    const { topic, filter } = channel;
    const { view, name } = topic;
    const missed = sentSeq === undefined ? undefined : view.changedSince(sentSeq, filter);
    const text =
      missed === undefined
        ? subscribedMessage(
            'snapshot',
            id,
            snapshotTail({
              topic: name,
              seq: view.seq,
              rows: view.rows(filter),
              asOfMs: this.#clock.nowMs(),
              watermarkMs: this.#watermarkMs,
            }),
          )
        : subscribedMessage('update', id, this.#updateTail(topic, missed));
    watcher.viewer.write(watcher.viewer.encoding.encode(text, { topic: name, value: view.seq }));
    this.#counter.sent(1);
    subscription.sentSeq = view.seq;
  }

  #updateTail(topic: Topic, rows: readonly ViewRow[]): string {
    const sentAtMs = this.#clock.nowMs();
    const { newestAppendedMs } = topic;
    return updateTail({
      topic: topic.name,
      seq: topic.view.seq,
      rows,
      sentAtMs,
      newestEventMs: topic.newestEventMs,
      pipelineMs: newestAppendedMs === null ? null : Math.max(0, sentAtMs - newestAppendedMs),
      watermarkMs: this.#watermarkMs,
    });
  }
}

function noteFreshness(topic: Topic, batch: UpdateBatch): void {
  if (isInstant(batch.newestEventMs)) {
    topic.newestEventMs = Math.max(topic.newestEventMs ?? -Infinity, batch.newestEventMs);
  }
  topic.newestAppendedMs = isInstant(batch.newestAppendedMs) ? batch.newestAppendedMs : null;
}

/** A batch without events has 0 or −Infinity here. */
function isInstant(valueMs: number): boolean {
  return Number.isFinite(valueMs) && valueMs > 0;
}
