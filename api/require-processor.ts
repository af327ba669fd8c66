import type { EnginePort } from '../schemas/ports.ts';
import type { ProcessorName } from '../schemas/processors.ts';
import { Problem } from './problem.ts';

/**
 * What a person does is for a processor, which must run to take it.
 *
 * @throws {Problem} PROCESSOR_OFF
 */
export function requireProcessor(engine: Pick<EnginePort, 'status'>, name: ProcessorName): void {
  if (!engine.status().processors_off.includes(name)) return;
  throw new Problem({
    code: 'PROCESSOR_OFF',
    detail: `Expected ${name} among processors of weir.yaml: without it nothing would come of this`,
  });
}
