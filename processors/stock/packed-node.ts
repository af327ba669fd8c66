import { PackReader, PackWriter } from '../../schemas/packed.ts';
import {
  readAcknowledgements,
  writeAcknowledgements,
} from '../engine/operator/packed-acknowledgements.ts';
import type { StockNode } from './node.ts';
import type { SourceSequence } from './sequence.ts';
import { heldOf } from './timeline.ts';

/**
 * A node as it lies in the state: packed into a string while little is kept of it, which is most of the
 * time of most nodes. A busy one stays as it is, as packing its day at every event would cost more.
 */
export type StoredNode = string | StockNode;

/** Numbers and counts in the kept part from which on a node is stored as it is: eight changes. */
const KEPT_MAX = 24;

/** Rough sizes for the memory bound, measured on the heap by bench/stock.bench.ts. */
/** What a string takes beside its characters, with its place in the list. */
const PACKED_BYTES = 24;
const NODE_BYTES = 180;
const NUMBER_BYTES = 8;
const COUNT_BYTES = 140;
const SEQUENCE_BYTES = 100;
const RUN_BYTES = 90;
const ACKNOWLEDGEMENT_BYTES = 170;

/** Operators are synchronous, so one of each is enough for all. */
const writer = new PackWriter();
const reader = new PackReader();

/** The node as it is to be stored. */
export function storedNode(node: StockNode): StoredNode {
  const kept = (node.changes?.length ?? 0) + (node.counts?.length ?? 0);
  if (kept > KEPT_MAX || (node.inbound?.length ?? 0) > KEPT_MAX) return node;
  writer.text(node.nodeId);
  writer.number(node.isShown ? 1 : 0);
  writer.numbers(node.folded);
  writer.text(node.foldedCountId);
  writer.numbers(node.changes ?? []);
  writer.numbers(node.inbound ?? []);
  writer.number(node.counts?.length ?? 0);
  for (const count of node.counts ?? []) {
    writer.number(count.timeMs);
    writer.text(count.eventId);
    writer.number(count.onHand);
    writer.number(count.reserved);
    writer.number(count.safety);
    writer.number(count.leadDays);
  }
  writer.number(node.sequences?.length ?? 0);
  for (const sequence of node.sequences ?? []) writeSequence(sequence);
  writeAcknowledgements(writer, node.acknowledgements);
  return writer.take();
}

/** The node to work with. It is the stored one itself when that is not packed. */
export function openNode(stored: StoredNode): StockNode {
  if (typeof stored !== 'string') return stored;
  reader.open(stored);
  return {
    nodeId: reader.text(),
    isShown: reader.number() === 1,
    folded: reader.numbers(),
    course: null,
    foldedCountId: reader.text(),
    changes: orNull(reader.numbers()),
    inbound: orNull(reader.numbers()),
    counts: listOf(() => ({
      timeMs: reader.number(),
      eventId: reader.text(),
      onHand: reader.number(),
      reserved: reader.number(),
      safety: reader.number(),
      leadDays: reader.number(),
    })),
    sequences: listOf(readSequence),
    acknowledgements: readAcknowledgements(reader),
  };
}

/** The id of a stored node, without opening the rest of it. */
export function storedNodeId(stored: StoredNode): string {
  if (typeof stored !== 'string') return stored.nodeId;
  reader.open(stored);
  return reader.text();
}

/** A rough size of a stored node in bytes. */
export function nodeBytesOf(node: StoredNode): number {
  if (typeof node === 'string') return PACKED_BYTES + node.length;
  const held = heldOf(node);
  let bytes =
    NODE_BYTES +
    held.numbers * NUMBER_BYTES +
    held.counts * COUNT_BYTES +
    (node.acknowledgements?.length ?? 0) * ACKNOWLEDGEMENT_BYTES;
  if (node.sequences === null) return bytes;
  for (const { runs } of node.sequences) bytes += SEQUENCE_BYTES + (runs?.length ?? 0) * RUN_BYTES;
  return bytes;
}

function writeSequence({ source, floor, runs }: SourceSequence): void {
  writer.text(source);
  writer.number(floor === null ? 0 : 1);
  writer.number(floor ?? 0);
  writer.number(runs?.length ?? 0);
  for (const { first, last, oldestMs } of runs ?? []) {
    writer.number(first);
    writer.number(last);
    writer.number(oldestMs);
  }
}

function readSequence(): SourceSequence {
  const source = reader.text();
  const hasFloor = reader.number() === 1;
  const floor = reader.number();
  return {
    source,
    floor: hasFloor ? floor : null,
    runs: listOf(() => ({
      first: reader.number(),
      last: reader.number(),
      oldestMs: reader.number(),
    })),
  };
}

/** The list that comes next, null for an empty one. */
function listOf<Element>(read: () => Element): Element[] | null {
  const list: Element[] = [];
  for (let left = reader.number(); left > 0; left -= 1) list.push(read());
  return orNull(list);
}

function orNull<Element>(list: Element[]): Element[] | null {
  return list.length === 0 ? null : list;
}
