import type { AlertRow } from '../live/rows.ts';
import { formatCount, formatLength, formatMoney } from '../numbers/format.ts';
import { type IncidentGroup, digestOf } from '../numbers/incident-digest.ts';
import { SeverityBadge } from '../parts/severity-badge.tsx';

/** Groups shown; a shop has a few kinds and a few nodes. */
const GROUPS_SHOWN_MAX = 12;

/** Many incidents at once, taken together by kind and node, so that a storm reads as what it is. */
export function IncidentDigest(props: {
  readonly unresolved: readonly AlertRow[];
  readonly serverNow: number;
}) {
  const { unresolved, serverNow } = props;
  const groups = digestOf(unresolved);
  const hiddenCount = groups.length - GROUPS_SHOWN_MAX;
  return (
    <div class="digest" role="group" aria-label="Incidents by kind and node">
      <p>
        <strong>{formatCount(unresolved.length)} not resolved</strong>
      </p>
      <ul>
        {groups.slice(0, GROUPS_SHOWN_MAX).map((group) => (
          <Group key={`${group.kind} ${group.nodeId}`} group={group} serverNow={serverNow} />
        ))}
      </ul>
      {hiddenCount > 0 && <p class="quiet">and {formatCount(hiddenCount)} more groups</p>}
    </div>
  );
}

function Group(props: { readonly group: IncidentGroup; readonly serverNow: number }) {
  const { group, serverNow } = props;
  const { kind, severity, nodeId, openCount, acknowledgedCount, firstOpenedAt, costs } = group;
  const parts = [
    nodeId === '' ? '' : `at ${nodeId}`,
    acknowledgedCount === 0 ? '' : `${formatCount(acknowledgedCount)} taken over`,
    [...costs].map(([currency, minor]) => formatMoney(minor, currency)).join(' + '),
    `the oldest for ${formatLength(serverNow - firstOpenedAt)}`,
  ];
  return (
    <li data-digest={`${kind} ${nodeId}`}>
      <b>{formatCount(openCount + acknowledgedCount)}</b>{' '}
      <SeverityBadge severity={severity} kind={kind} />{' '}
      <span class="quiet">{parts.filter((part) => part !== '').join(' · ')}</span>
    </li>
  );
}
