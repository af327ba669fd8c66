export const INVENTORY_KINDS = ['count', 'movement', 'inbound', 'price', 'capacity'] as const;
export type InventoryKind = (typeof INVENTORY_KINDS)[number];

/**
 * An accepted inventory event, as `inventory.avsc` decodes it: absent fields are `null`, instants
 * are UTC milliseconds, quantities are units (signed for `movement`).
 */
export interface Inventory {
  readonly event_id: string;
  readonly occurred_at: number;
  readonly source: string;
  readonly seq: number | null;
  readonly sku: string;
  readonly kind: InventoryKind;
  readonly node_id: string | null;
  readonly channel: string | null;
  readonly on_hand: number | null;
  readonly reserved: number | null;
  readonly safety: number | null;
  readonly quantity: number | null;
  readonly lead_time_days: number | null;
  readonly due_at: number | null;
  readonly price_minor: number | null;
  readonly currency: string | null;
  readonly tax_included: boolean | null;
  readonly promo_id: string | null;
  readonly capacity: number | null;
  readonly used: number | null;
}
