import { AssignerProtocol, type GroupMemberAssignment, type PartitionAssigner } from 'kafkajs';

const NAME = 'weir-co-partitioned';
const VERSION = 1;

/**
 * Gives partition p of every topic to one member, because one task reads all of them. The assigner
 * that kafkajs has deals the partitions of all topics out in one round, which separates them.
 */
export const coPartitioned: PartitionAssigner = ({ cluster }) => ({
  name: NAME,
  version: VERSION,
  protocol: ({ topics }) => ({
    name: NAME,
    metadata: AssignerProtocol.MemberMetadata.encode({
      version: VERSION,
      topics,
      userData: Buffer.alloc(0),
    }),
  }),
  assign: ({ members, topics }) => {
    const partitions = new Map(
      topics.map((topic) => [
        topic,
        cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId),
      ]),
    );
    return Promise.resolve(
      assignPartitions(
        members.map(({ memberId }) => memberId),
        partitions,
      ).map(({ memberId, assignment }): GroupMemberAssignment => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: VERSION,
          assignment,
          userData: Buffer.alloc(0),
        }),
      })),
    );
  },
});

/** Partition p goes to member p modulo their number, in the order of their ids. */
export function assignPartitions(
  memberIds: readonly string[],
  partitions: ReadonlyMap<string, readonly number[]>,
): readonly { readonly memberId: string; readonly assignment: Record<string, number[]> }[] {
  return memberIds.toSorted().map((memberId, index) => ({
    memberId,
    assignment: Object.fromEntries(
      [...partitions].map(([topic, ids]) => [
        topic,
        ids.filter((id) => id % memberIds.length === index),
      ]),
    ),
  }));
}
