import type { Value } from '../../schemas/panel.ts';
import { gapUnitsOf } from './gap.ts';
import { type History, type Segment, statusOf } from './history.ts';
import type { ParityStatus } from './row.ts';
import { causeAt } from './standing.ts';

/** The values of a `PARITY_SEGMENTS` row in the order of its columns. */
export function segmentValues(
  {
    sku,
    channel,
    referenceChannel,
  }: { readonly sku: string; readonly channel: string; readonly referenceChannel: string },
  segment: Segment,
  isWithdrawn: boolean,
): readonly Value[] {
  return [
    sku,
    channel,
    segment.startedMs,
    segment.price.priceMinor,
    segment.price.currency,
    segment.price.promoId,
    segment.reference.priceMinor,
    segment.reference.currency,
    segment.fx,
    gapUnitsOf(segment.gap),
    statusOf(segment.side),
    referenceChannel,
    segment.staleMs,
    isWithdrawn,
  ];
}

/** The values of a `PARITY_CURRENT` row in the order of its columns. */
export function currentValues(
  { sku, channel }: { readonly sku: string; readonly channel: string },
  { standing, segments }: Pick<History, 'standing' | 'segments'>,
): readonly Value[] {
  const segment = standing.segmentMs === 0 ? undefined : segments.at(-1);
  const { status, cause, sinceMs } = shownOf(standing, segment);
  return [
    sku,
    channel,
    status,
    cause,
    sinceMs ?? null,
    segment?.gap ?? null,
    segment?.price.priceMinor ?? null,
    segment?.price.currency ?? '',
    segment?.price.promoId ?? '',
    segment?.reference.priceMinor ?? null,
    segment?.reference.currency ?? '',
    segment?.fx ?? null,
    standing.newestMs,
  ];
}

/**
 * What is shown of a standing. Within the dwell the cause and the beginning are there already although
 * the status is still PARITY; `fx_in_band` says that only a small move of the rate is behind the gap.
 */
function shownOf(
  standing: History['standing'],
  segment: Segment | undefined,
): {
  readonly status: ParityStatus;
  readonly cause: string;
  readonly sinceMs: number | undefined;
} {
  if (segment === undefined) {
    return standing.staleMs === 0
      ? { status: 'UNKNOWN', cause: '', sinceMs: undefined }
      : { status: 'STALE', cause: causeAt(standing.cause) ?? '', sinceMs: standing.staleMs };
  }
  if (standing.status !== 0) {
    return {
      status: statusOf(standing.status),
      cause: causeAt(standing.cause) ?? '',
      sinceMs: standing.startedMs,
    };
  }
  if (standing.run !== 0) {
    const cause = causeAt(standing.runCause) ?? '';
    return { status: 'PARITY', cause, sinceMs: standing.runSinceMs };
  }
  const cause = segment.side === 0 ? '' : 'fx_in_band';
  return { status: 'PARITY', cause, sinceMs: undefined };
}
