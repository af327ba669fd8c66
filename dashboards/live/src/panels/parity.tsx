import { useMemo, useState } from 'preact/hooks';

import type { ParityRow } from '../live/rows.ts';
import type { LiveStore } from '../live/store.ts';
import {
  NO_VALUE,
  formatCount,
  formatLength,
  formatMoney,
  formatShare,
} from '../numbers/format.ts';
import {
  type ParityLine,
  causeInWords,
  isPending,
  isTroubled,
  parityMatrix,
} from '../numbers/parity-matrix.ts';
import { Empty } from '../parts/empty.tsx';

/** SKUs shown before a person asks for more, and after. */
const SHOWN_FIRST = 8;
const SHOWN_MAX = 200;

/** Where the same thing costs something else, how much, and why. */
export function Parity(props: { readonly store: LiveStore; readonly nowMs: number }) {
  const { store, nowMs } = props;
  const [isWide, setWide] = useState(false);
  const { revision } = store.parity;
  const { channels, lines, counts } = useMemo(
    () => parityMatrix(store.parity.rows.values()),
    [revision],
  );
  const troubled = lines.filter(({ cells }) => cells.some((cell) => isTroubled(cell)));
  const shown = troubled.slice(0, isWide ? SHOWN_MAX : SHOWN_FIRST);
  const count = (status: string) => formatCount(counts.get(status) ?? 0);
  return (
    <section class="panel" aria-labelledby="parity-title">
      <div class="section-head">
        <h2 id="parity-title">Price parity</h2>
        <p class="span">
          {count('PARITY')} at parity, {count('UNDER')} under, {count('OVER')} over,{' '}
          {count('STALE')} stale
        </p>
      </div>
      {troubled.length === 0 ? (
        <Nothing isLoaded={store.seqOf('parity') !== undefined} hasRows={lines.length > 0} />
      ) : (
        <Matrix channels={channels} lines={shown} serverNow={store.freshness.serverNow(nowMs)} />
      )}
      {troubled.length > SHOWN_FIRST && (
        <button type="button" class="link" onClick={() => setWide(!isWide)} aria-expanded={isWide}>
          {isWide ? 'Show fewer' : `Show all ${formatCount(troubled.length)}`}
        </button>
      )}
    </section>
  );
}

function Matrix(props: {
  readonly channels: readonly string[];
  readonly lines: readonly ParityLine[];
  readonly serverNow: number;
}) {
  return (
    <table class="cards parity" role="table" data-table="parity">
      <caption class="unseen">SKUs whose price is out of parity on a channel</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            SKU
          </th>
          {props.channels.map((channel) => (
            <th role="columnheader" scope="col" key={channel}>
              {channel}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {props.lines.map(({ sku, cells }) => (
          <tr role="row" key={sku}>
            <th role="rowheader" scope="row">
              {sku}
            </th>
            {cells.map((cell, index) => (
              <td role="cell" data-label={props.channels[index]} key={props.channels[index]}>
                {cell === undefined ? NO_VALUE : <Cell row={cell} serverNow={props.serverNow} />}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell(props: { readonly row: ParityRow; readonly serverNow: number }) {
  const { row, serverNow } = props;
  const words = causeInWords(row);
  const price =
    row.price_minor === undefined ? undefined : formatMoney(row.price_minor, row.currency);
  return (
    <div title={price} data-status={row.status}>
      <span class={`badge ${badgeOf(row)}`}>{gapText(row)}</span>
      {words !== '' && (
        <p class="quiet">
          {words}
          {row.since !== undefined && `, ${formatLength(serverNow - row.since)} ago`}
        </p>
      )}
    </div>
  );
}

function gapText({ gap, status }: ParityRow): string {
  if (gap === undefined) return status.toLowerCase();
  return gap > 0 ? `+${formatShare(gap)}` : formatShare(gap);
}

function badgeOf(row: ParityRow): string {
  if (row.status === 'UNDER') return 'bad';
  return row.status === 'OVER' || row.status === 'STALE' || isPending(row) ? 'warn' : 'plain';
}

function Nothing(props: { readonly isLoaded: boolean; readonly hasRows: boolean }) {
  if (!props.isLoaded) return <Empty>Waiting for the first numbers …</Empty>;
  if (props.hasRows) return <Empty>Every price that is compared is at parity.</Empty>;
  return (
    <Empty>
      No prices on two channels yet. Send them with kind price: POST /v1/events/inventory.
    </Empty>
  );
}
