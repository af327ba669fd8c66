import { pack, unpack } from 'msgpackr';

import { erase } from '../../../schemas/brand.ts';
import type { Reference } from '../../../schemas/events/reference.ts';
import { visitorToken } from '../../../schemas/ids.ts';
import type { IdentityCounts } from '../../../schemas/ports.ts';
import {
  type ClusterRecord,
  type Clusters,
  placeName,
  placeOf,
  unite,
} from '../operator/clusters.ts';
import type { Output, RecordContext } from '../operator/operator.ts';
import { IDENTITIES, IDENTITY_REFUSALS } from '../sink/engine-tables.ts';
import type { Store, Write } from '../state/store.ts';

/** Before the first link, and of engines without a control task. */
const NO_IDENTITIES: IdentityCounts = { merged: 0, refused: 0 };

/** What the control task among `tasks`, if it is one of them, has made of links. */
export function identityCounts(
  tasks: readonly { readonly identities: Identities | undefined }[],
): IdentityCounts {
  return (
    tasks.find(({ identities }) => identities !== undefined)?.identities?.counts ?? NO_IDENTITIES
  );
}

/**
 * Which ids are one visitor, as the control task knows it: every link passes here, one after the other,
 * so that the ids of a visitor never disagree about who survives. It tells each id whose survivor
 * changes; the ids' own tasks do the rest, see `Moves`.
 */
export class Identities implements Clusters {
  readonly #store: Store;
  readonly #prefix: string;
  /** Changes since the last `collect`, and those of the commit that is under way. */
  #changed = new Map<string, ClusterRecord>();
  #committing = new Map<string, ClusterRecord>();
  readonly #countsKey: string;
  #counts: IdentityCounts;
  #collected: IdentityCounts;

  constructor(options: { readonly store: Store; readonly task: string }) {
    this.#store = options.store;
    this.#prefix = `i/${options.task}/`;
    this.#countsKey = `m/identities/${options.task}`;
    const stored = options.store.get(this.#countsKey);
    // Written by `collect` and verified by the store's checksum.
    this.#counts = stored === undefined ? NO_IDENTITIES : erase<IdentityCounts>(unpack(stored));
    this.#collected = this.#counts;
  }

  get counts(): IdentityCounts {
    return this.#counts;
  }

  /** Takes a link between two ids; reference events of other kinds say nothing about ids. */
  take(event: Reference, output: Output, record: RecordContext): void {
    const { kind, visitor_id: from, into } = event;
    if (kind !== 'identity' || from === null || into === null) return;
    const { visitor_partition: fromPartition, into_partition: intoPartition } = event;
    if (typeof fromPartition !== 'number' || typeof intoPartition !== 'number') {
      output.count('IDENTITY_PARTITION_UNKNOWN');
      return;
    }
    const union = unite(this, placeName(from, fromPartition), placeName(into, intoPartition));
    switch (union.kind) {
      case 'known':
        return;
      case 'full':
        this.#count(0, 1);
        output.count('IDENTITY_MEMBERS_FULL');
        output.append(IDENTITY_REFUSALS, [
          record.appendedAtMs,
          event.event_id,
          event.occurred_at,
          from,
          into,
        ]);
        return;
      case 'merged':
        for (const change of union.changes) {
          this.#count(Number(change.before === change.id) - Number(change.into === change.id), 0);
          const { token, partition } = placeOf(change.id);
          const survivor = placeOf(change.into);
          output.upsert(IDENTITIES, [token, survivor.token, change.id === change.into]);
          output.forward(
            'weir.internal.identity',
            { partition },
            {
              event_id: `${event.event_id}/${token}`,
              occurred_at: event.occurred_at,
              source: event.source,
              visitor_id: visitorToken(token),
              kind: 'linked',
              into: visitorToken(survivor.token),
              into_partition: survivor.partition,
              member: null,
              member_partition: 0,
              topic: null,
              content: '',
            },
          );
        }
    }
  }

  get(id: string): ClusterRecord | undefined {
    const record = this.#changed.get(id) ?? this.#committing.get(id);
    if (record !== undefined) return record;
    const stored = this.#store.get(this.#prefix + id);
    // Written by `collect` and verified by the store's checksum.
    return stored === undefined ? undefined : erase<ClusterRecord>(unpack(stored));
  }

  set(id: string, record: ClusterRecord): void {
    this.#changed.set(id, record);
  }

  #count(merged: number, refused: number): void {
    const before = this.#counts;
    this.#counts = { merged: before.merged + merged, refused: before.refused + refused };
  }

  /** Adds what changed to `writes`; until `committed` it is remembered. */
  collect(writes: Write[]): void {
    for (const [id, record] of this.#changed)
      writes.push({ key: this.#prefix + id, value: pack(record) });
    if (this.#counts !== this.#collected)
      writes.push({ key: this.#countsKey, value: pack(this.#counts) });
    this.#collected = this.#counts;
    this.#committing = this.#changed;
    this.#changed = new Map();
  }

  committed(): void {
    this.#committing = new Map();
  }
}
