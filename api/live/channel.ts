import type { LiveTopic } from '../../schemas/panel.ts';
import { type Filter, filterKey } from './filter.ts';
import { subscribedMessage } from './messages.ts';
import type { LiveView } from './view.ts';
import type { Encoding, Viewer } from './viewer.ts';

/** One wish of one viewer. */
export interface Subscription {
  readonly id: string;
  readonly channel: Channel;
  readonly watcher: Watcher;
  /** The change set this viewer has seen; undefined until its first snapshot is written. */
  sentSeq: number | undefined;
}

/** What the hub knows about one connection. */
export interface Watcher {
  readonly viewer: Viewer;
  readonly subscriptions: Map<string, Subscription>;
  /** Since when updates are held back, processing time; undefined while the viewer keeps up. */
  behindSinceMs: number | undefined;
}

/** All subscriptions with one topic and one filter: their messages differ only in the id. */
export interface Channel {
  readonly topic: Topic;
  readonly filter: Filter;
  readonly key: string;
  readonly subscriptions: Set<Subscription>;
}

/** A live view and who watches it. */
export interface Topic {
  readonly name: LiveTopic;
  readonly view: LiveView;
  readonly channels: Map<string, Channel>;
  newestEventMs: number | null;
  /** When the log took the newest event behind the newest change; null when none caused it. */
  newestAppendedMs: number | null;
}

/** The frames of one change for one topic and filter, by subscription id and kind of connection. */
export class FrameCache {
  readonly #frames = new Map<Encoding, Map<string, Buffer>>();

  update(
    encoding: Encoding,
    id: string,
    change: { readonly topic: LiveTopic; readonly seq: number; readonly tail: string },
  ): Buffer {
    return this.#frame(encoding, `u${id}`, () =>
      encoding.encode(subscribedMessage('update', id, change.tail), {
        topic: change.topic,
        value: change.seq,
      }),
    );
  }

  plain(encoding: Encoding, text: string): Buffer {
    return this.#frame(encoding, `p${text}`, () => encoding.encode(text, undefined));
  }

  #frame(encoding: Encoding, key: string, create: () => Buffer): Buffer {
    let frames = this.#frames.get(encoding);
    if (frames === undefined) this.#frames.set(encoding, (frames = new Map<string, Buffer>()));
    let frame = frames.get(key);
    if (frame === undefined) frames.set(key, (frame = create()));
    return frame;
  }
}

/** The channel of a topic with this filter, new when nobody watches it yet. */
export function channelOf(topic: Topic, filter: Filter): Channel {
  const key = filterKey(filter);
  let channel = topic.channels.get(key);
  if (channel === undefined) {
    channel = { topic, filter, key, subscriptions: new Set() };
    topic.channels.set(key, channel);
  }
  return channel;
}

/** Ends a subscription; a channel without any is forgotten. */
export function dropFromChannel(subscription: Subscription): void {
  const { channel } = subscription;
  channel.subscriptions.delete(subscription);
  if (channel.subscriptions.size === 0) channel.topic.channels.delete(channel.key);
}
