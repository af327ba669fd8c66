import { type PostJson, type PostState, Posts } from './posts.ts';

/** Takes incidents over, one request for each. */
export class Acknowledgements {
  readonly #posts: Posts;

  constructor(options: { readonly postJson: PostJson; readonly changed: () => void }) {
    this.#posts = new Posts(options);
  }

  stateOf(alertId: string): PostState | undefined {
    return this.#posts.stateOf(alertId);
  }

  /** Asks once; a failed request may be asked again. */
  async acknowledge(alertId: string): Promise<void> {
    await this.#posts.post(alertId, `/v1/alerts/${encodeURIComponent(alertId)}/acknowledge`);
  }
}
