import { deflateRawSync, inflateRawSync } from 'node:zlib';

import { erase } from '../../../schemas/brand.ts';
import { EngineError } from '../../../schemas/errors.ts';
import type { IdentityEvent } from '../../../schemas/events/identity-event.ts';
import { decodeEvent, encodeEvent } from '../../../schemas/events/wire.ts';
import { visitorToken } from '../../../schemas/ids.ts';
import type { EventOfTopic, Topic } from '../../../schemas/topics.ts';
import { placeName, placeOf } from '../operator/clusters.ts';
import type { Operator, Output } from '../operator/operator.ts';
import type { KeyedEntry, KeyedState } from '../state/keyed-state.ts';
import type { Appliers, OpenRecord } from './appliers.ts';

/** Largest state that moves, deflated: in base64 it must fit into a record of one megabyte, Kafka's default. */
const MOVED_BYTES_MAX = 700_000;

/** What is known of an id, by operator. */
type MovedStates = Readonly<
  Record<string, { readonly stateVersion: number; readonly state: unknown } | undefined>
>;

/** What is in hand while an id's events are taken. */
interface Hand {
  readonly entry: KeyedEntry;
  readonly record: OpenRecord;
}

/**
 * What the task of an id does about ids that are one visitor. When the id becomes part of another, its
 * states leave through the log, once; from then on its events follow them one by one, after they were
 * deduplicated and judged late or not where they came in. The task of the surviving id takes both, and
 * emits what that changes in all numbers: until then everything counts where it did.
 *
 * States, sums and what is sent belong to one checkpoint, so a crash at any point repeats nothing.
 */
export class Moves {
  readonly #operators: readonly Operator[];
  readonly #appliers: Appliers;
  readonly #state: KeyedState;
  readonly #output: Output;
  /** The content of an id of which nothing is known. */
  readonly #nothing: string;

  constructor(options: {
    readonly operators: readonly Operator[];
    readonly appliers: Appliers;
    readonly state: KeyedState;
    readonly output: Output;
  }) {
    this.#operators = options.operators;
    this.#appliers = options.appliers;
    this.#state = options.state;
    this.#output = options.output;
    this.#nothing = this.#contentOf(this.#operators.map((operator) => operator.createState()));
  }

  /** Takes an event of an id that is part of another: stores what is to be stored of it and sends it on. */
  forward(topic: Topic, event: EventOfTopic[Topic], { entry, record }: Hand): void {
    const { into } = entry;
    if (into === undefined) return;
    this.#appliers.applyWhereItCame(entry.states, event, this.#output, record);
    const { visitor_id: member } = erase<{ readonly visitor_id: string }>(event);
    const { token, partition } = placeOf(into);
    this.#output.forward(
      'weir.internal.identity',
      { partition },
      {
        event_id: `f/${member}/${event.event_id}`,
        occurred_at: event.occurred_at,
        source: event.source,
        visitor_id: visitorToken(token),
        kind: 'forwarded',
        into: null,
        into_partition: 0,
        member: visitorToken(member),
        member_partition: record.partition,
        topic,
        content: encodeEvent(topic, event).toString('base64'),
      },
    );
  }

  /** Takes what the control task or the task of another id has sent. */
  take(event: IdentityEvent, { entry, record }: Hand): void {
    this.#appliers.applyWhereItCame(entry.states, event, this.#output, record);
    if (event.kind === 'linked') {
      this.#link(event, entry);
    } else if (entry.into !== undefined) {
      // This id has become part of another in the meantime, too.
      const { token, partition } = placeOf(entry.into);
      this.#output.forward(
        'weir.internal.identity',
        { partition },
        {
          ...event,
          event_id: `${event.event_id}>`,
          visitor_id: visitorToken(token),
        },
      );
    } else if (event.kind === 'moved') {
      const { visitor_id: key, event_id: eventId } = event;
      const others = this.#statesOf(event.content);
      this.#appliers.merge(entry.states, others, this.#output, { key, eventId, record });
    } else {
      this.#apply(event, { entry, record });
    }
  }

  #link(
    { event_id, occurred_at, source, visitor_id: id, into, into_partition }: IdentityEvent,
    entry: KeyedEntry,
  ): void {
    if (into === null || into === id) {
      entry.into = undefined;
      return;
    }
    const place = placeName(into, into_partition);
    if (entry.into !== undefined) {
      entry.into = place;
      return;
    }
    const content = this.#contentOf(entry.states);
    if (content.length > (MOVED_BYTES_MAX * 4) / 3) {
      this.#output.count('IDENTITY_STATE_TOO_LARGE');
      return;
    }
    if (content !== this.#nothing) {
      this.#appliers.leave(entry.states, id, this.#output);
      this.#output.forward(
        'weir.internal.identity',
        { partition: into_partition },
        {
          event_id: `m/${event_id}`,
          occurred_at,
          source,
          visitor_id: into,
          kind: 'moved',
          into: null,
          into_partition: 0,
          member: id,
          member_partition: 0,
          topic: null,
          content,
        },
      );
    }
    this.#state.empty(entry, place);
  }

  #apply(event: IdentityEvent, { entry, record }: Hand): void {
    const { visitor_id: key, member, member_partition: partition, content } = event;
    // Written by `forward`.
    const topic = erase<Topic>(event.topic);
    const decoded = decodeEvent(topic, Buffer.from(content, 'base64'));
    if (decoded.kind !== 'ok' || member === null)
      throw new RangeError('a forwarded event must be one of its topic');
    const forwarded: EventOfTopic[Topic] = erase({ ...decoded.event, visitor_id: key });
    const context = { ...record, topic, member: { id: member, partition } };
    this.#appliers.apply(entry.states, forwarded, this.#output, context);
  }

  #contentOf(states: readonly unknown[]): string {
    const moved: Record<string, MovedStates[string]> = {};
    this.#operators.forEach(({ name, stateVersion, merge }, slot) => {
      if (merge !== undefined) moved[name] = { stateVersion, state: states[slot] };
    });
    return deflateRawSync(JSON.stringify(moved)).toString('base64');
  }

  #statesOf(content: string): unknown[] {
    const text = inflateRawSync(Buffer.from(content, 'base64')).toString('utf8');
    // Written by `#contentOf`.
    const moved = erase<MovedStates>(JSON.parse(text));
    return this.#operators.map(({ name, stateVersion, createState }) => {
      const found = moved[name];
      if (found === undefined) return createState();
      if (found.stateVersion === stateVersion) return found.state;
      throw new EngineError({
        code: 'CHECKPOINT_FORMAT_UNKNOWN',
        kind: 'fatal',
        message: `Expected the state of ${name} in version ${stateVersion}, got ${found.stateVersion} from another process; run one version in all`,
      });
    });
  }
}
