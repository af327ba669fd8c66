import type { VisitorToken } from '../ids.ts';

export const IDENTITY_EVENT_KINDS = ['linked', 'moved', 'forwarded'] as const;
export type IdentityEventKind = (typeof IDENTITY_EVENT_KINDS)[number];

/** What must happen because two ids are one visitor; see `identity-event.avsc`. */
export interface IdentityEvent {
  readonly event_id: string;
  readonly occurred_at: number;
  readonly source: string;
  readonly visitor_id: VisitorToken;
  readonly kind: IdentityEventKind;
  readonly into: VisitorToken | null;
  readonly into_partition: number;
  readonly member: VisitorToken | null;
  readonly member_partition: number;
  readonly topic: string | null;
  readonly content: string;
}
