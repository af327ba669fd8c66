import { setImmediate as nextTurn } from 'node:timers/promises';

import { erase } from '../../schemas/brand.ts';
import type { Click } from '../../schemas/events/click.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import type { Order } from '../../schemas/events/order.ts';
import { type ParseTime, type Raw, type RawEvent, parseEvent } from '../../schemas/events/parse.ts';
import type { Reference } from '../../schemas/events/reference.ts';
import type { EventRejection } from '../../schemas/events/rejection.ts';
import { encodeEvent } from '../../schemas/events/wire.ts';
import { partitionOf } from '../../schemas/ids.ts';
import type { IngestAnswer, IngestOptions } from '../../schemas/ports.ts';
import { type EventType, TOPIC_OF_EVENT, type Topic } from '../../schemas/topics.ts';
import type { AppendBatch } from '../engine/log/log.ts';
import { RecentIds } from './recent-ids.ts';
import {
  type Client,
  type ClientKind,
  type TokenKind,
  type Tokeniser,
  normalise,
} from './tokeniser.ts';

/** Event ids of each type that the door remembers to answer with a number of duplicates: about 15 MB. */
const RECENT_IDS_MAX = 500_000;
/** Events taken before tasks, timers and sockets have their turn: 3 to 5 ms, where a body has up to 10,000. */
const STRETCH_EVENTS = 250;

/** What decides about the tokens of an event and about its partition. */
export interface Placing {
  readonly tokeniser: Tokeniser;
  /** How many partitions the topics of the stages have. */
  readonly partitionCounts: { readonly visitor: number; readonly sku: number };
}

/** What all doors of a node have in common: plain data, for a door in another thread. Never log the secret. */
export interface DoorSettings {
  readonly tokenSecret: Uint8Array;
  readonly partitionCounts: Placing['partitionCounts'];
  readonly clockSkewMs: number;
}

/** What the door takes from whoever opens it. */
export interface DoorOptions extends Placing, Pick<DoorSettings, 'clockSkewMs'> {
  /** The present in UTC milliseconds. */
  readonly clock: () => number;
  /** Makes all batches durable, or none. Called once per ingest that has a good event. */
  readonly append: (batches: readonly AppendBatch[]) => Promise<void>;
}

/** Where events come in: they are checked, their personal fields become tokens, and the log takes them. */
export interface Door {
  /**
   * Resolves when the good events are durable. `duplicates` counts ids that this door has seen
   * lately; those events are appended all the same, because the task's own check is exact and this
   * one may err. accepted + duplicates + rejected = the events given.
   */
  ingest(
    type: EventType,
    values: readonly unknown[],
    options?: IngestOptions,
  ): Promise<IngestAnswer>;
}

/** A record and where it goes. */
export interface Placed {
  readonly partition: number;
  readonly value: Buffer;
}

/** Opens the door in front of a log. */
export function createDoor(options: DoorOptions): Door {
  const recentIdsOfType = {
    click: new RecentIds(RECENT_IDS_MAX),
    order: new RecentIds(RECENT_IDS_MAX),
    inventory: new RecentIds(RECENT_IDS_MAX),
    reference: new RecentIds(RECENT_IDS_MAX),
  };
  return {
    async ingest(type, values, { importName } = {}) {
      const time: ParseTime = { nowMs: options.clock(), clockSkewMs: options.clockSkewMs };
      const recentIds = recentIdsOfType[type];
      const rejected: { index: number; code: string; message: string }[] = [];
      const newIds = new Set<string>();
      const valuesOfPartition = new Map<number, Buffer[]>();
      let goodCount = 0;
      for (let index = 0; index < values.length; index += 1) {
        if (index > 0 && index % STRETCH_EVENTS === 0) await nextTurn();
        const result = takeEvent(type, values[index], { door: options, time });
        if (result.kind === 'rejected') {
          rejected.push({ index, code: result.code, message: result.message });
          continue;
        }
        goodCount += 1;
        if (!recentIds.has(result.eventId)) newIds.add(result.eventId);
        const { partition, value } = result.placed;
        const batch = valuesOfPartition.get(partition);
        if (batch === undefined) valuesOfPartition.set(partition, [value]);
        else batch.push(value);
      }
      const batches = toBatches(TOPIC_OF_EVENT[type], valuesOfPartition, importName);
      if (batches.length > 0) await options.append(batches);
      // Only now: after an error the sender will try again, and must not be told that those are duplicates.
      for (const id of newIds) recentIds.add(id);
      return { accepted: newIds.size, duplicates: goodCount - newIds.size, rejected };
    },
  };
}

function toBatches(
  topic: Topic,
  valuesOfPartition: ReadonlyMap<number, readonly Buffer[]>,
  importName: string | undefined,
): AppendBatch[] {
  return [...valuesOfPartition].map(([partition, values]) => ({
    topic,
    partition,
    values,
    ...(importName === undefined ? {} : { importName }),
  }));
}

type Taken =
  | { readonly kind: 'ok'; readonly eventId: string; readonly placed: Placed }
  | EventRejection;

function takeEvent(
  type: EventType,
  value: unknown,
  { door, time }: { readonly door: DoorOptions; readonly time: ParseTime },
): Taken {
  const result = parseEvent(type, value, time);
  if (result.kind === 'rejected') return result;
  return {
    kind: 'ok',
    eventId: result.event.event_id,
    placed: placeEvent(type, result.event, door),
  };
}

/** An event in the log's form and its partition. The event itself gets the tokens: it is used up. */
export function placeEvent(type: EventType, event: RawEvent<EventType>, door: Placing): Placed {
  switch (type) {
    case 'click':
      return placeClick(erase(event), door);
    case 'order':
      return placeOrder(erase(event), door);
    case 'inventory':
      return placeInventory(erase(event), door);
    case 'reference':
      return placeReference(erase(event), door);
  }
}

/** Tokenises in place: the object is the parser's own copy, and no other part holds it. */
function placeClick(click: Raw<Click>, { tokeniser, partitionCounts }: Placing): Placed {
  const partition = visitorPartition(click.visitor_id, partitionCounts.visitor);
  click.visitor_id = tokeniser.token('visitor', click.visitor_id);
  click.session_id = optionalToken(tokeniser, 'session', click.session_id);
  const address = clientOf(tokeniser, 'ip', click.ip);
  click.ip = address?.token ?? null;
  click.network = address?.form ?? null;
  const agent = clientOf(tokeniser, 'user_agent', click.user_agent);
  click.user_agent = agent?.token ?? null;
  click.agent = agent?.form ?? null;
  return { partition, value: encodeEvent('weir.clicks', erase(click)) };
}

function placeOrder(order: Raw<Order>, { tokeniser, partitionCounts }: Placing): Placed {
  const partition = visitorPartition(order.visitor_id, partitionCounts.visitor);
  order.visitor_id = tokeniser.token('visitor', order.visitor_id);
  order.customer_id = optionalToken(tokeniser, 'customer', order.customer_id);
  return { partition, value: encodeEvent('weir.orders', erase(order)) };
}

function placeInventory(event: Raw<Inventory>, { partitionCounts }: Placing): Placed {
  return {
    partition: partitionOf(event.sku, partitionCounts.sku),
    value: encodeEvent('weir.inventory', erase(event)),
  };
}

/** Facts for everyone have one order, so one partition. */
const REFERENCE_PARTITION = 0;

function placeReference(event: Raw<Reference>, { tokeniser, partitionCounts }: Placing): Placed {
  if (event.visitor_id !== null && event.into !== null) {
    // Where the two ids live, their tokens do not tell.
    event.visitor_partition = visitorPartition(event.visitor_id, partitionCounts.visitor);
    event.into_partition = visitorPartition(event.into, partitionCounts.visitor);
  }
  if (event.visitor_id !== null) {
    event.visitor_id = tokeniser.token('visitor', event.visitor_id);
    // What such a fact is about is the visitor, whatever its sender calls it.
    event.subject = event.visitor_id;
  }
  event.into = optionalToken(tokeniser, 'visitor', event.into);
  return { partition: REFERENCE_PARTITION, value: encodeEvent('weir.reference', erase(event)) };
}

function optionalToken(tokeniser: Tokeniser, kind: TokenKind, value: string | null): string | null {
  return value === null || normalise(kind, value) === '' ? null : tokeniser.token(kind, value);
}

/** An empty address or user agent is none: as a token it would make strangers look like one client. */
function clientOf(
  tokeniser: Tokeniser,
  kind: ClientKind,
  value: string | null,
): Client | undefined {
  return value === null || normalise(kind, value) === ''
    ? undefined
    : tokeniser.client(kind, value);
}

/**
 * The raw id decides, as with a producer that writes to Kafka directly; normalised, because two ways
 * to write an id have one token and a token must live in one partition.
 */
function visitorPartition(visitorId: string, partitionCount: number): number {
  return partitionOf(normalise('visitor', visitorId), partitionCount);
}
