/** What the scripted server says of paths: the worked example of definitions.md §3, two channels of it. */
export const PATHS = {
  currency: 'EUR',
  paths: { conversions: 24, nulls: 76, provisional: 7, unattributed: 0 },
  credits: [
    { model: 'markov', channel: 'A', credit: 10.2, conversions_milli: 10_200 },
    { model: 'markov', channel: 'B', credit: 13.8, conversions_milli: 13_800 },
    { model: 'markov_value', channel: 'A', credit: 1_000, credit_minor: 1_000 },
    { model: 'shapley_rate', channel: 'A', credit: 24, conversions_milli: 24_000 },
  ],
  transitions: [
    { from: '(start)', to: 'A', count: 60 },
    { from: 'A', to: 'B', count: 30 },
    { from: 'A', to: '(null)', count: 30 },
    { from: 'B', to: '(conversion)', count: 24 },
  ],
};
