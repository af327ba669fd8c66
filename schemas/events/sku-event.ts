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
  readonly order_id: string | null;
  readonly sales_channel: string | null;
  readonly alert_id: string | null;
  readonly actor: string | null;
}
