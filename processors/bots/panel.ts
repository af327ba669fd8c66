import type { Panel } from '../../schemas/panel.ts';
import { BOT_VERDICTS, VERDICTS_WATCHED_MAX } from './row.ts';

/** The newest word on each visitor that there was one on lately. Live only: `/v1/bots` reads older ones. */
export const VERDICTS_PANEL: Panel = {
  topic: 'verdicts',
  path: undefined,
  needs: ['bots'],
  live: {
    table: BOT_VERDICTS.name,
    key: [BOT_VERDICTS.watched.key],
    sums: [],
    retentionMs: undefined,
    rowsMax: VERDICTS_WATCHED_MAX,
    windowMs: undefined,
    isTrail: true,
  },
  query: {
    views: {},
    columns: [
      'visitor_token',
      'decided_at',
      'from_state',
      'to_state',
      'tier',
      'reason',
      'version',
      'from_at',
      'until_at',
      'score',
      'features',
      'actor',
    ],
    filters: ['visitor_token', 'to_state', 'reason'],
    timeColumn: BOT_VERDICTS.watched.instant,
    orderBy: [],
  },
};
