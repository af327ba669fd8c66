import type { Arm } from '../assignment.ts';
import type { VisitorToken } from '../ids.ts';

export const CLICK_KINDS = [
  'impression',
  'click',
  'page_view',
  'product_view',
  'add_to_cart',
  'checkout',
  'beacon',
] as const;
export type ClickKind = (typeof CLICK_KINDS)[number];

/**
 * An accepted click, as `click.avsc` decodes it: absent fields are `null`, personal fields are
 * tokens, `occurred_at` is UTC milliseconds.
 */
export interface Click {
  readonly event_id: string;
  readonly occurred_at: number;
  readonly source: string;
  readonly seq: number | null;
  readonly visitor_id: VisitorToken;
  readonly session_id: string | null;
  readonly kind: ClickKind;
  readonly channel: string;
  readonly campaign: string | null;
  readonly sku: string | null;
  readonly url: string | null;
  readonly referrer: string | null;
  readonly ip: string | null;
  readonly user_agent: string | null;
  /** The user agent without what tells people apart; made at the door. */
  readonly agent: string | null;
  /** The network of the address, /24 or /48; made at the door. */
  readonly network: string | null;
  readonly region: string | null;
  readonly signed_in: boolean | null;
  readonly server_side: boolean | null;
  /** The browser fetched ahead: nobody has seen it. */
  readonly prefetch: boolean | null;
  /** The page's script saw the pointer move, the page scroll, or a touch. */
  readonly pointer: boolean | null;
  /** The arm in which the sender holds the visitor, in the lift test of this channel. */
  readonly arm: Arm | null;
  readonly consent: { readonly analytics: boolean; readonly marketing: boolean } | null;
}
