import type { VisitorToken } from '../ids.ts';

/** What the address stage learns from the visitor stage; see `address-event.avsc`. */
export interface AddressEvent {
  readonly event_id: string;
  readonly occurred_at: number;
  readonly source: string;
  /** Token. */
  readonly address: string;
  readonly visitor_id: VisitorToken;
  readonly visitor_partition: number;
}
