import type { VisitorToken } from '../ids.ts';

export const VISITOR_EVENT_KINDS = ['cleared', 'confirmed', 'marked', 'unmarked'] as const;
export type VisitorEventKind = (typeof VISITOR_EVENT_KINDS)[number];

/** What the visitor stage learns about a visitor from people and from other stages; see `visitor-event.avsc`. */
export interface VisitorEvent {
  readonly event_id: string;
  readonly occurred_at: number;
  readonly source: string;
  readonly visitor_id: VisitorToken;
  readonly kind: VisitorEventKind;
  readonly evidence: string;
  readonly revision: number;
  readonly about: number;
  readonly reason: string;
  readonly actor: string | null;
}
