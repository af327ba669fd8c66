import type { VisitorEventKind } from './visitor-event.ts';

export const SKU_EVENT_KINDS = ['sold', 'restored', 'acknowledged', 'rate', 'promised'] as const;
export type SkuEventKind = (typeof SKU_EVENT_KINDS)[number];

/**
 * What the sku stage learns from other stages: units that orders took or gave back, acknowledgements,
 * exchange rates, which concern every key and come to every partition, and how soon orders were
 * delivered, whose key is the zone that they go to.
 */
export interface SkuEvent {
  readonly event_id: string;
  readonly occurred_at: number;
  readonly source: string;
  readonly sku: string;
  readonly kind: SkuEventKind;
  readonly node_id: string | null;
  /** Units, zero or more. */
  readonly quantity: number;
  /**
   * The units that somebody wanted: positive for a sale, negative where an order turns out not to have
   * been one, 0 for what comes back. Of `promised`: 1 for what is so, −1 for what turns out not to be.
   */
  readonly demand: number;
  readonly order_id: string | null;
  readonly sales_channel: string | null;
  readonly alert_id: string | null;
  readonly actor: string | null;
  /** Units of `quote` for one of `base`, both ISO 4217, from `occurred_at` on. */
  readonly base?: string | null;
  readonly quote?: string | null;
  readonly rate?: number | null;
  /** `promised`: when the hour began in which the order was placed, UTC milliseconds. */
  readonly placed_at?: number | null;
  /** `promised`, of a delivery: 24, 48 or 72, whichever is least of what it took no longer than. */
  readonly within_hours?: number | null;
  /** `promised`, of a cancellation: the full hour after it. */
  readonly cancelled_at?: number | null;
}

/** Whether the event is about every key of its stage, not about the one it names. */
export function isBroadcast(event: object): event is SkuEvent {
  return 'kind' in event && event.kind === ('rate' satisfies SkuEventKind);
}

/**
 * Whether the event is what a person did. Its time is that of the machine, which may be far ahead of the
 * events of the shop: it says nothing about which of those are still to come.
 */
export function isActOfPerson(event: object): boolean {
  return 'kind' in event && ACTS.has(event.kind);
}

const ACTS: ReadonlySet<unknown> = new Set<SkuEventKind | VisitorEventKind>([
  'acknowledged',
  'cleared',
  'confirmed',
]);
