import { HOUR_MS } from '../../schemas/time.ts';

/** Touches of each visitor: one a session, so that all of them stay in the visitor's state. */
export const TOUCHES_PER_VISITOR = 10;

/** In the past, or the door refuses it; one month, as the tables are parted by month. */
const START_MS = Date.UTC(2025, 0, 6);
/** Longer than the gap of a session, with the round itself in it. */
const ROUND_MS = HOUR_MS;
const CHANNELS = ['amazon', 'google', 'meta', 'email', 'direct', 'tiktok'] as const;
const CAMPAIGNS = 40;
/** Of people: who is no browser, or shares an address with thousands, is taken for a bot. */
const BROWSER =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';
const VISITORS_PER_ADDRESS = 2;

/**
 * The touch with this number: round after round, each visitor once a round, so that a visitor has long
 * left the memory when the next touch comes.
 */
export function touchAt(index: number, visitors: number): unknown {
  const round = Math.floor(index / visitors);
  const visitor = index % visitors;
  const mixed = visitor * 7 + round;
  return {
    event_id: `e-${index}`,
    occurred_at: START_MS + round * ROUND_MS + Math.floor((visitor / visitors) * ROUND_MS),
    source: 'bench',
    visitor_id: `visitor-${visitor}`,
    session_id: `session-${index}`,
    kind: 'click',
    channel: CHANNELS[mixed % CHANNELS.length],
    campaign: `campaign-${mixed % CAMPAIGNS}`,
    url: 'https://shop.example/',
    user_agent: BROWSER,
    ip: addressOf(visitor),
    consent: { analytics: true, marketing: true },
  };
}

function addressOf(visitor: number): string {
  const address = Math.floor(visitor / VISITORS_PER_ADDRESS);
  return `100.${64 + ((address >>> 16) & 63)}.${(address >>> 8) & 255}.${address & 255}`;
}
