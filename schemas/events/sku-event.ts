import type { VisitorEventKind } from './visitor-event.ts';

export const SKU_EVENT_KINDS = ['sold', 'restored', 'acknowledged'] as const;
export type SkuEventKind = (typeof SKU_EVENT_KINDS)[number];

/** What the sku stage learns from other stages: units that orders took or gave back, and acknowledgements. */
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
   * been one, 0 for what comes back.
   */
  readonly demand: number;
  readonly order_id: string | null;
  readonly sales_channel: string | null;
  readonly alert_id: string | null;
  readonly actor: string | null;
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
