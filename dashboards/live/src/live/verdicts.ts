import { type PostJson, type PostState, Posts } from './posts.ts';
import { instantIn, isJsonObject, numberIn, textIn } from './rows.ts';

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

/** Where the newest verdicts are: those that a person may have a say in. */
export const VERDICTS_PATH = '/v1/bots?verdicts=6&state=bot&state=suspect&state=cleared';

/** @throws {TypeError} when the answer is none of verdicts */
export function parseVerdicts(answer: unknown): readonly BotVerdict[] {
  const verdicts = isJsonObject(answer) ? answer['verdicts'] : undefined;
  if (!Array.isArray(verdicts)) throw new TypeError('Expected verdicts, got something else');
  return verdicts.flatMap((verdict) => {
    if (!isJsonObject(verdict)) return [];
    const visitorToken = textIn(verdict, 'visitor_token');
    const decidedAt = instantIn(verdict, 'decided_at');
    if (visitorToken === undefined || decidedAt === undefined) return [];
    const features = verdict['features'];
    return [
      {
        visitorToken,
        state: textIn(verdict, 'state') ?? '',
        tier: numberIn(verdict, 'tier') ?? 0,
        reason: textIn(verdict, 'reason') ?? '',
        decidedAt,
        score: numberIn(verdict, 'score'),
        features: Array.isArray(features) ? features.map(String) : [],
        actor: textIn(verdict, 'actor'),
      },
    ];
  });
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
