import { SECOND_MS } from '../../../../schemas/time.ts';
import type { Verdict } from '../live/verdict.ts';
import { formatClock, formatLength } from '../numbers/format.ts';

/** Close codes that a retry alone does not mend. @see RFC 6455, section 7.4 */
const CLOSE_REASONS: ReadonlyMap<number, string> = new Map([
  [4008, 'The server closed the line because this page could not keep up.'],
  [4401, 'You are not signed in, or your session has ended.'],
  [4403, 'Your account may not see the live numbers.'],
]);

/** Says when the numbers below must not be trusted as current, since when, and what happens next. */
export function Banner(props: { readonly verdict: Verdict; readonly onRetry: () => void }) {
  const { verdict, onRetry } = props;
  if (verdict.kind === 'stale') {
    return (
      <div class="banner warn" role="alert">
        <p>
          <strong>Stale.</strong> Events arrive, but these numbers have not moved since{' '}
          {formatClock(verdict.since)} UTC. The pipeline panel shows where they wait.
        </p>
      </div>
    );
  }
  if (verdict.kind !== 'disconnected') return null;
  const { since, waitMs, closeCode } = verdict;
  const reason = closeCode === undefined ? undefined : CLOSE_REASONS.get(closeCode);
  return (
    <div class="banner bad">
      <p>
        <strong role="alert">Disconnected since {formatClock(since)} UTC.</strong>{' '}
        {reason ?? 'The numbers below are from then.'}{' '}
        <span class="quiet">
          {waitMs === undefined
            ? 'Trying now …'
            : `Next try in ${formatLength(waitMs + SECOND_MS - 1)}.`}
        </span>
      </p>
      <button type="button" onClick={onRetry}>
        Try now
      </button>
    </div>
  );
}
