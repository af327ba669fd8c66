import type { Row } from '../../schemas/panel.ts';
import type { QueryParameter } from '../../schemas/ports.ts';

/** Addresses listed of each kind: enough to see whether the verdicts make sense. */
const ADDRESSES_SHOWN = 10;

/** What is told even if it flagged nothing: each list, and behaviour. */
const REASONS_SHOWN = ['agent_isbot', 'agent_crawlers', 'data_centre', 'behaviour'];

/** How much of what a source has sent is taken for machines', and whose it is. */
export interface MachineReport {
  readonly lines: number;
  /** Withdrawn lines by reason code, most first. */
  readonly flagged: readonly { readonly reason: string; readonly lines: number }[];
  /** Lines that count, of sessions that look like a machine's. */
  readonly suspect: number;
  /** The busiest addresses with withdrawn lines, and those without; tokens, never addresses. */
  readonly flaggedAddresses: readonly BusyAddress[];
  readonly unflaggedAddresses: readonly BusyAddress[];
}

interface BusyAddress {
  readonly address: string;
  readonly lines: number;
  readonly flagged: number;
  readonly reasons: readonly string[];
}

/** Reads what is held of the visitors behind everything that `source` has sent so far. */
export async function machineReport(
  query: (
    sql: string,
    parameters: Readonly<Record<string, QueryParameter>>,
  ) => Promise<readonly Row[]>,
  source: string,
): Promise<MachineReport> {
  const byReason = await query(
    `SELECT tier, reason, toUInt32(count()) AS lines FROM (${JUDGED_SQL})
     GROUP BY tier, reason ORDER BY lines DESC, reason`,
    { source },
  );
  const addresses = async (which: string): Promise<readonly BusyAddress[]> => {
    const rows = await query(
      `SELECT address, toUInt32(count()) AS lines, toUInt32(countIf(tier > 0)) AS flagged,
         arrayStringConcat(arraySort(groupUniqArrayIf(reason, tier > 0)), ' ') AS reasons
       FROM (${JUDGED_SQL}) WHERE address != ''
       GROUP BY address HAVING ${which}
       ORDER BY lines DESC, address LIMIT ${ADDRESSES_SHOWN}`,
      { source },
    );
    return rows.map((row) => ({
      address: String(row['address']),
      lines: Number(row['lines']),
      flagged: Number(row['flagged']),
      reasons: String(row['reasons']).split(' ').filter(Boolean),
    }));
  };
  const linesOf = (isWanted: (row: Row) => boolean): number =>
    byReason.filter(isWanted).reduce((sum, row) => sum + Number(row['lines']), 0);
  const withdrawn = byReason.filter((row) => Number(row['tier']) > 0);
  const reasons = new Set([...withdrawn.map((row) => String(row['reason'])), ...REASONS_SHOWN]);
  return {
    lines: linesOf(() => true),
    flagged: [...reasons]
      .map((reason) => ({
        reason,
        lines: linesOf((row) => Number(row['tier']) > 0 && row['reason'] === reason),
      }))
      .toSorted((a, b) => b.lines - a.lines),
    suspect: linesOf((row) => Number(row['tier']) === 0 && row['reason'] !== ''),
    flaggedAddresses: await addresses('flagged > 0'),
    unflaggedAddresses: await addresses('flagged = 0'),
  };
}

/** One row per click of the source, with what is held of its visitor at its time. */
const JUDGED_SQL = `SELECT
    ifNull(clicks.ip, '') AS address,
    arrayFirst(
      span -> toUnixTimestamp64Milli(clicks.occurred_at) >= span.1
        AND toUnixTimestamp64Milli(clicks.occurred_at) < span.2, held.spans) AS held_span,
    held_span.3 AS tier,
    held_span.4 AS reason
  FROM weir.clicks AS clicks
  LEFT JOIN
  (
    SELECT visitor_token, groupArray(
      (toUnixTimestamp64Milli(from_at), toUnixTimestamp64Milli(until_at), tier, toString(reason))) AS spans
    FROM weir.bot_standings
    GROUP BY visitor_token
  ) AS held ON held.visitor_token = clicks.visitor_id
  WHERE clicks.source = {source:String}`;

/** The report as lines of plain text. */
export function machineLines(report: MachineReport): string[] {
  const share = (count: number): string =>
    `${count} of ${report.lines} lines (${((100 * count) / Math.max(1, report.lines)).toFixed(1)} %)`;
  const total = report.flagged.reduce((sum, { lines }) => sum + lines, 0);
  return [
    `taken for machines: ${share(total)}`,
    ...report.flagged.map(({ reason, lines }) => `  by ${reason}: ${share(lines)}`),
    `suspect, counted: ${share(report.suspect)}`,
    ...addressLines('busiest flagged addresses', report.flaggedAddresses),
    ...addressLines('busiest unflagged addresses', report.unflaggedAddresses),
  ];
}

function addressLines(title: string, addresses: readonly BusyAddress[]): string[] {
  if (addresses.length === 0) return [];
  return [
    `${title} (tokens):`,
    ...addresses.map(({ address, lines, flagged, reasons }) =>
      flagged === 0
        ? `  ${address}  ${lines} lines`
        : `  ${address}  ${flagged} of ${lines} lines: ${reasons.join(', ')}`,
    ),
  ];
}
