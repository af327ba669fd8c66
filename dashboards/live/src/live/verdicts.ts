import { type PostJson, type PostState, Posts } from './posts.ts';
import { type JsonObject, instantIn, numberIn, textIn } from './rows.ts';

/** As many as are read at a glance. */
const VERDICTS_SHOWN_MAX = 6;

/** The newest word on one visitor. */
export interface BotVerdict {
  readonly visitorToken: string;
  readonly state: string;
  readonly tier: number;
  readonly reason: string;
  readonly decidedAt: number;
  /** 0 to 100; undefined when no behaviour was scored. */
  readonly score: number | undefined;
  readonly features: readonly string[];
  /** Who decided; undefined when nobody did. */
  readonly actor: string | undefined;
}

/** A row of the topic `verdicts`; undefined when it is none. */
export function parseVerdict(row: JsonObject): BotVerdict | undefined {
  const visitorToken = textIn(row, 'visitor_token');
  const decidedAt = instantIn(row, 'decided_at');
  if (visitorToken === undefined || decidedAt === undefined) return undefined;
  return {
    visitorToken,
    state: textIn(row, 'to_state') ?? '',
    tier: numberIn(row, 'tier') ?? 0,
    reason: textIn(row, 'reason') ?? '',
    decidedAt,
    score: numberIn(row, 'score'),
    features: (textIn(row, 'features') ?? '').split(' ').filter((name) => name !== ''),
    actor: textIn(row, 'actor'),
  };
}

/** The newest verdicts that a person may have a say in, newest first. */
export function latestVerdicts(verdicts: Iterable<BotVerdict>): readonly BotVerdict[] {
  return [...verdicts]
    .filter(({ state }) => state !== 'human')
    .toSorted((a, b) => b.decidedAt - a.decidedAt)
    .slice(0, VERDICTS_SHOWN_MAX);
}

/** What a person says of verdicts, one word on each; a newer verdict on the same visitor may be answered again. */
export class VerdictDecisions {
  readonly #posts: Posts;

  constructor(options: { readonly postJson: PostJson; readonly changed: () => void }) {
    this.#posts = new Posts(options);
  }

  stateOf(verdict: BotVerdict): PostState | undefined {
    return this.#posts.stateOf(subjectOf(verdict));
  }

  async decide(verdict: BotVerdict, decision: 'clear' | 'confirm'): Promise<void> {
    const path = `/v1/bots/${encodeURIComponent(verdict.visitorToken)}/${decision}`;
    await this.#posts.post(subjectOf(verdict), path);
  }
}

function subjectOf({ visitorToken, decidedAt }: BotVerdict): string {
  return `${visitorToken} ${decidedAt}`;
}
