import type { VisitorToken } from '../ids.ts';

export const REFERENCE_KINDS = [
  'fx',
  'spend',
  'target',
  'identity',
  'consent',
  'erasure',
  'rule',
] as const;
export type ReferenceKind = (typeof REFERENCE_KINDS)[number];

/**
 * An accepted reference event, as `reference.avsc` decodes it: one flat record, the fields that its
 * kind does not use are `null`; `from` is inclusive, `to` exclusive, both UTC milliseconds.
 */
export interface Reference {
  readonly event_id: string;
  readonly occurred_at: number;
  readonly source: string;
  readonly seq: number | null;
  readonly subject: string;
  readonly kind: ReferenceKind;
  readonly base: string | null;
  readonly quote: string | null;
  readonly rate: number | null;
  readonly channel: string | null;
  readonly campaign: string | null;
  readonly amount_minor: number | null;
  readonly currency: string | null;
  readonly metric: string | null;
  readonly value: number | null;
  readonly from: number | null;
  readonly to: number | null;
  readonly visitor_id: VisitorToken | null;
  readonly into: VisitorToken | null;
  /** Partitions of the clicks of the two ids; a token does not tell. The door knows. */
  readonly visitor_partition?: number | null;
  readonly into_partition?: number | null;
  readonly rule: string | null;
  readonly consent: { readonly analytics: boolean; readonly marketing: boolean } | null;
}
