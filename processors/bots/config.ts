import type { Reason } from './reason.ts';
import type { Weights } from './score.ts';

/** What a list says of a client: the reason to take it for a machine, or undefined. */
export interface ClientLists {
  /** Names the lists and their versions. */
  readonly version: string;
  /** Of a user agent's form: `agent_isbot`, `agent_crawlers` or `not_a_browser`. */
  readonly agent: (form: string) => 'agent_isbot' | 'agent_crawlers' | 'not_a_browser' | undefined;
  /** Of a network: a data centre, or the name of the crawler that publishes it as its own. */
  readonly network: (network: string) => NetworkOwner | undefined;
  /** What the rules of the configuration say; an allow rule wins. */
  readonly rule: (client: RuledClient) => 'allow' | 'deny' | undefined;
}

/** `crawler` is the name that its user agent contains, in lower case. */
export type NetworkOwner =
  | { readonly kind: 'data_centre' }
  | { readonly kind: 'crawler'; readonly name: string };

/** What rules may be about. */
export interface RuledClient {
  readonly agent: string | null;
  readonly network: string | null;
  readonly source: string;
}

export interface BotsConfig {
  /** Names the lists and their versions, and rules and settings by a hash, as verdicts show it. */
  readonly version: string;
  /** Whether anybody is judged; without it the tables are there and stay empty. */
  readonly isFiltering: boolean;
  readonly allowedLatenessMs: number;
  /** How far before the day of the first evidence a verdict withdraws; whole days, milliseconds. */
  readonly reachMs: number;
  /** How long after the day of the latest evidence a verdict holds; whole days, milliseconds. */
  readonly heldMs: number;
  readonly sessionGapMs: number;
  /** Weight of each feature of a session's behaviour, and the scores from which it is a bot's or suspect. */
  readonly weights: Weights;
  readonly botScore: number;
  readonly suspectScore: number;
  /** New visitor ids of one address within half an hour from which on they are one client's. */
  readonly addressVisitors: number;
  /** Senders that are logs of web servers: they know files and robots.txt, and no script. */
  readonly logSources: readonly string[];
  /** Senders that are apps or servers: lists of user agents and addresses say nothing about them. */
  readonly appSources: readonly string[];
  readonly lists: ClientLists;
}

/** The configuration, and what the judge works out of it once. */
export interface JudgeConfig extends BotsConfig {
  /** By set of features, see `scoresOf`. */
  readonly scores: readonly number[];
}

/** What tier 1 says of one click. */
export type ListVerdict = Reason | 'allow' | undefined;
