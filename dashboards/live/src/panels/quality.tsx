import { useMemo, useRef, useState } from 'preact/hooks';

import { MINUTE_MS, SECOND_MS } from '../../../../schemas/time.ts';
import type { PostState } from '../live/posts.ts';
import type { LiveStore } from '../live/store.ts';
import { type BotVerdict, type VerdictDecisions, latestVerdicts } from '../live/verdicts.ts';
import { NO_VALUE, formatCount, formatMoment, formatShare } from '../numbers/format.ts';
import {
  type ChannelQuality,
  type ClickQuality,
  QUALITY_MINUTES,
  WITHDRAWN_MINUTES,
  totalQuality,
  trafficQuality,
} from '../numbers/traffic-quality.ts';
import { Empty } from '../parts/empty.tsx';
import { Figure } from '../parts/figure.tsx';

/** How long the same visitors stay listed: nobody can read, or hit, what moves with every verdict. */
const STEADY_MS = 3 * SECOND_MS;

/** Characters of a token that tell visitors of a list apart. */
const TOKEN_SHOWN = 10;

const COLUMNS = ['Gross', 'GIVT', 'SIVT', 'Suspect', 'Net', 'Withdrawn', 'Why'] as const;

/** How much of the traffic is machines', why, and the newest verdicts, which a person may answer. */
export function Quality(props: {
  readonly store: LiveStore;
  readonly decisions: VerdictDecisions;
  readonly nowMs: number;
}) {
  const { store, decisions, nowMs } = props;
  const { newestWindowStart } = store;
  const serverNow = store.freshness.serverNow(nowMs);
  const minute = Math.floor(serverNow / MINUTE_MS);
  const revisions = [store.channels.revision, store.bots.revision, store.botWithdrawals.revision];
  const channels = useMemo(
    () =>
      newestWindowStart === undefined
        ? []
        : trafficQuality(
            {
              channels: store.channels.rows.values(),
              bots: store.bots.rows.values(),
              withdrawals: store.botWithdrawals.rows.values(),
            },
            { newestWindowStart, nowMs: serverNow },
          ),
    [...revisions, newestWindowStart, minute],
  );
  const total = totalQuality(channels);
  return (
    <section class="panel" aria-labelledby="quality-title">
      <div class="section-head">
        <h2 id="quality-title">Traffic quality</h2>
        <p class="span">
          clicks of the last {QUALITY_MINUTES} minutes; withdrawn in the last {WITHDRAWN_MINUTES}
        </p>
      </div>
      {total.gross === 0 && total.withdrawn === 0 ? (
        <Empty>
          {store.seqOf('bots') === undefined
            ? 'Waiting for the first numbers …'
            : 'No clicks in this hour. What looks like a machine will be named here with its reason.'}
        </Empty>
      ) : (
        <Channels channels={channels} total={total} />
      )}
      <Verdicts store={store} decisions={decisions} nowMs={nowMs} />
    </section>
  );
}

function Channels(props: {
  readonly channels: readonly ChannelQuality[];
  readonly total: ClickQuality;
}) {
  const { channels, total } = props;
  return (
    <table class="cards quality" role="table" data-table="quality">
      <caption class="unseen">Clicks of people and machines by channel</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            Channel
          </th>
          {COLUMNS.map((name) => (
            <th role="columnheader" scope="col" key={name} class={name === 'Why' ? 'text' : ''}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {channels.map((channel) => (
          <Line key={channel.channel} name={channel.channel} quality={channel} />
        ))}
        {channels.length > 1 && <Line name="All" quality={{ ...total, reasons: [] }} />}
      </tbody>
    </table>
  );
}

function Line(props: {
  readonly name: string;
  readonly quality: ClickQuality & Pick<ChannelQuality, 'reasons'>;
}) {
  const { name, quality } = props;
  const { gross, givt, sivt, suspect, net, withdrawn, reasons } = quality;
  const share = gross === 0 ? NO_VALUE : formatShare((givt + sivt) / gross);
  return (
    <tr role="row" data-channel={name}>
      <th role="rowheader" scope="row">
        {name}
      </th>
      <td role="cell" data-label="Gross">
        {formatCount(gross)}
      </td>
      <td role="cell" data-label="GIVT">
        {formatCount(givt)}
      </td>
      <td role="cell" data-label="SIVT">
        {formatCount(sivt)}
      </td>
      <td role="cell" data-label="Suspect" title="They count">
        {formatCount(suspect)}
      </td>
      <td role="cell" data-label="Net" title={`${share} of the clicks are withdrawn`}>
        <Figure value={net} text={formatCount(net)} withdrawn={withdrawn} />
      </td>
      <td role="cell" data-label="Withdrawn">
        {formatCount(withdrawn)}
      </td>
      <td role="cell" data-label="Why" class="text">
        {reasons.map(({ reason, clicks, withdrawn: lately }) => (
          <span
            key={reason}
            class="badge plain"
            title={`${formatCount(lately)} withdrawn in the last ${WITHDRAWN_MINUTES} minutes`}
          >
            {words(reason)} {formatCount(clicks)}
          </span>
        ))}
      </td>
    </tr>
  );
}

function Verdicts(props: {
  readonly store: LiveStore;
  readonly decisions: VerdictDecisions;
  readonly nowMs: number;
}) {
  const { store, decisions, nowMs } = props;
  const { verdicts } = store;
  const latest = useMemo(() => latestVerdicts(verdicts.rows.values()), [verdicts.revision]);
  const [isPointedAt, setPointedAt] = useState(false);
  const list = useRef<HTMLUListElement>(null);
  const isHeld = isPointedAt || list.current?.contains(document.activeElement) === true;
  const visitors = useSteady(
    latest.map(({ visitorToken }) => visitorToken),
    { isHeld, nowMs },
  );
  return (
    <>
      <h3 class="latest">Latest verdicts</h3>
      {verdicts.seq !== undefined && latest.length === 0 && (
        <p class="footnote">Nobody has been taken for a machine yet.</p>
      )}
      <ul
        class="verdicts"
        ref={list}
        onPointerEnter={() => setPointedAt(true)}
        onPointerLeave={() => setPointedAt(false)}
      >
        {visitors
          .flatMap((visitor) => verdicts.rows.get(visitor) ?? [])
          .map((verdict) => (
            <Verdict
              key={verdict.visitorToken}
              verdict={verdict}
              state={decisions.stateOf(verdict)}
              serverNow={store.freshness.serverNow(nowMs)}
              onDecide={(decision) => void decisions.decide(verdict, decision)}
            />
          ))}
      </ul>
    </>
  );
}

/** Who is listed: for some seconds the same, and while somebody is about to answer. */
function useSteady(
  latest: readonly string[],
  { isHeld, nowMs }: { readonly isHeld: boolean; readonly nowMs: number },
): readonly string[] {
  const listed = useRef({ visitors: latest, sinceMs: nowMs });
  const isOver = !isHeld && nowMs - listed.current.sinceMs >= STEADY_MS;
  if (isOver || listed.current.visitors.length < latest.length) {
    listed.current = { visitors: latest, sinceMs: nowMs };
  }
  return listed.current.visitors;
}

function Verdict(props: {
  readonly verdict: BotVerdict;
  readonly state: PostState | undefined;
  readonly serverNow: number;
  readonly onDecide: (decision: 'clear' | 'confirm') => void;
}) {
  const { verdict, state, serverNow, onDecide } = props;
  const { visitorToken, reason, score, features, actor, decidedAt } = verdict;
  const name = visitorToken.slice(0, TOKEN_SHOWN);
  const detail = [
    reason === '' ? undefined : words(reason),
    score === undefined ? undefined : `score ${score}`,
    features.length === 0 ? undefined : features.map(words).join(', '),
    actor === undefined ? undefined : `by ${actor}`,
  ].filter((part) => part !== undefined);
  const canDecide = state === undefined || state.kind === 'failed';
  return (
    <li class="incident" data-visitor={visitorToken} data-state={verdict.state}>
      <div class="incident-what">
        <p>
          <span class={`badge ${badgeOf(verdict.state)}`}>{verdict.state}</span>{' '}
          <strong title={visitorToken}>{name}</strong>
        </p>
        <p class="quiet">{detail.join(' · ')}</p>
        {state?.kind === 'failed' && (
          <p class="failed" role="alert">
            Not decided: {state.reason}
          </p>
        )}
      </div>
      <p class="incident-time">{formatMoment(decidedAt, serverNow)}</p>
      <div class="incident-action">
        {!canDecide && <p class="quiet">{state.kind === 'sent' ? 'Decided' : 'Sending …'}</p>}
        {canDecide && verdict.state !== 'cleared' && (
          <button
            type="button"
            aria-label={`Clear ${name}: a person`}
            onClick={() => onDecide('clear')}
          >
            Clear
          </button>
        )}{' '}
        {canDecide && (verdict.state !== 'bot' || actor === undefined) && (
          <button
            type="button"
            aria-label={`Confirm ${name}: a machine`}
            onClick={() => onDecide('confirm')}
          >
            Confirm
          </button>
        )}
      </div>
    </li>
  );
}

function badgeOf(state: string): string {
  if (state === 'bot') return 'bad';
  if (state === 'suspect') return 'warn';
  return state === 'cleared' ? 'good' : 'plain';
}

/** `agent_isbot` as `agent isbot`. */
function words(code: string): string {
  return code.replaceAll('_', ' ');
}
