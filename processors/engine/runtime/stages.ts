import { type Stage, type Topic, TOPICS_OF_STAGE } from '../../../schemas/topics.ts';

/** Every stage, in the order in which an event meets them. */
export const STAGES: readonly Stage[] = ['visitor', 'address', 'sku', 'control'];

/** The stage that reads a topic. */
export function stageOf(topic: Topic): Stage {
  for (const stage of STAGES) {
    const topics: readonly Topic[] = TOPICS_OF_STAGE[stage];
    if (topics.includes(topic)) return stage;
  }
  throw new RangeError(`Expected a topic of a stage, got ${topic}`);
}
