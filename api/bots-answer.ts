import { type Static, Type } from '@sinclair/typebox';

import { Freshness, Off } from './answers.ts';

const Instant = Type.Integer({ description: 'UTC milliseconds since the epoch' });
const NullableInstant = Type.Union([Instant, Type.Null()]);
const WITHDRAWN = 'Clicks taken out of the net in the last 15 minutes, less those given back';

const Clicks = {
  clicks_gross: Type.Integer({ description: 'Every click, machines included' }),
  clicks_net: Type.Integer({ description: 'What counts: gross − GIVT − SIVT' }),
  clicks_givt: Type.Integer({ description: 'Withdrawn as general invalid traffic (tier 1)' }),
  clicks_sivt: Type.Integer({ description: 'Withdrawn as sophisticated invalid traffic (tier 2)' }),
  clicks_suspect: Type.Integer({ description: 'Part of the net: looks like a machine' }),
  withdrawn_lately: Type.Integer({ description: WITHDRAWN }),
};

const Verdict = Type.Object({
  visitor_token: Type.String(),
  state: Type.String({ description: 'human, suspect, bot or cleared' }),
  from_state: Type.String(),
  tier: Type.Integer({ description: '0 when nothing is withdrawn' }),
  reason: Type.String({ description: 'Reason code; empty for people' }),
  version: Type.String({ description: 'Versions of the lists' }),
  decided_at: Instant,
  from_at: NullableInstant,
  until_at: NullableInstant,
  score: Type.Union([Type.Integer(), Type.Null()]),
  features: Type.Array(Type.String()),
  actor: Type.Union([Type.String(), Type.Null()]),
});

/** `GET /v1/bots`. */
export const BotsAnswer = Type.Object({
  from: Instant,
  to: Instant,
  total: Type.Object(Clicks),
  channels: Type.Array(Type.Object({ channel: Type.String(), ...Clicks })),
  reasons: Type.Array(
    Type.Object({
      channel: Type.String(),
      reason: Type.String(),
      clicks_givt: Clicks.clicks_givt,
      clicks_sivt: Clicks.clicks_sivt,
      clicks_suspect: Clicks.clicks_suspect,
      withdrawn_lately: Clicks.withdrawn_lately,
    }),
  ),
  verdicts: Type.Array(Verdict, { description: 'The newest, one per visitor' }),
  ...Freshness,
  ...Off,
});
export type BotsAnswer = Static<typeof BotsAnswer>;
