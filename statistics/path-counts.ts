/** Where a path begins and how it ends, among the names of channels. */
export const START = '(start)';
export const CONVERSION = '(conversion)';
export const NULL = '(null)';

/** How often paths went from one state to another. */
export interface Transition {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  /** Value of the conversions, for transitions to `CONVERSION`, minor units. */
  readonly valueMinor: number;
}

/** Paths by the set of channels that they touched. */
export interface ChannelSet {
  readonly channels: readonly string[];
  readonly conversions: number;
  readonly nulls: number;
}

/** Most channels that are told apart: the table of sets has 2¹² entries. */
export const CHANNELS_MAX = 12;

/** The channels of `transitions`, by name. */
export function channelsOf(transitions: readonly Transition[]): readonly string[] {
  const names = new Set(transitions.flatMap(({ from, to }) => [from, to]));
  for (const state of [START, CONVERSION, NULL]) names.delete(state);
  return [...names].toSorted();
}
