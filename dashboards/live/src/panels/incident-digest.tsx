import type { AlertRow } from '../live/rows.ts';
import { formatCount, formatLength, formatMoney } from '../numbers/format.ts';
import { type IncidentGroup, digestOf, groupKeyOf } from '../numbers/incident-digest.ts';
import { SeverityBadge } from '../parts/severity-badge.tsx';

/** Groups shown; a shop has a few kinds and a few nodes. */
const GROUPS_SHOWN_MAX = 12;

/** Many incidents at once, taken together by kind and node, so that a storm reads as what it is. */
export function IncidentDigest(props: {
  readonly unresolved: readonly AlertRow[];
  readonly serverNow: number;
  /** The group whose incidents are listed alone; undefined lists some of all. */
  readonly chosenKey: string | undefined;
  readonly onChoose: (key: string | undefined) => void;
}) {
  const { unresolved, serverNow, chosenKey, onChoose } = props;
  const groups = digestOf(unresolved);
  const hiddenCount = groups.length - GROUPS_SHOWN_MAX;
  return (
    <div class="digest" role="group" aria-label="Incidents by kind and node">
      <p>
        <strong>{formatCount(unresolved.length)} not resolved</strong>
      </p>
      <ul>
        {groups.slice(0, GROUPS_SHOWN_MAX).map((group) => (
          <Group
            key={keyOf(group)}
            group={group}
            serverNow={serverNow}
            isChosen={keyOf(group) === chosenKey}
            onChoose={onChoose}
          />
        ))}
      </ul>
      {hiddenCount > 0 && <p class="quiet">and {formatCount(hiddenCount)} more groups</p>}
    </div>
  );
}

function keyOf({ kind, nodeId }: IncidentGroup): string {
  return groupKeyOf({ kind, node_id: nodeId });
}

function Group(props: {
  readonly group: IncidentGroup;
  readonly serverNow: number;
  readonly isChosen: boolean;
  readonly onChoose: (key: string | undefined) => void;
}) {
  const { group, serverNow, isChosen, onChoose } = props;
  const { kind, severity, nodeId, openCount, acknowledgedCount, firstOpenedAt, costs } = group;
  const parts = [
    nodeId === '' ? '' : `at ${nodeId}`,
    acknowledgedCount === 0 ? '' : `${formatCount(acknowledgedCount)} taken over`,
    [...costs].map(([currency, minor]) => formatMoney(minor, currency)).join(' + '),
    `the oldest for ${formatLength(serverNow - firstOpenedAt)}`,
  ];
  return (
    <li data-digest={keyOf(group)}>
      <b>{formatCount(openCount + acknowledgedCount)}</b>{' '}
      <SeverityBadge severity={severity} kind={kind} />{' '}
      <span class="quiet">{parts.filter((part) => part !== '').join(' · ')}</span>{' '}
      <button
        type="button"
        class="link"
        aria-pressed={isChosen}
        aria-label={`${isChosen ? 'Show all kinds, not only' : 'Show only'} ${kind.replaceAll('_', ' ')}${nodeId === '' ? '' : ` at ${nodeId}`}`}
        onClick={() => onChoose(isChosen ? undefined : keyOf(group))}
      >
        {isChosen ? 'show all' : 'show these'}
      </button>
    </li>
  );
}
