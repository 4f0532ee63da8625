/** A cluster according to its metadata, and which nodes answer. */
export interface ClusterState {
  /** -1 for none. */
  readonly controller: number;
  readonly nodes: readonly { readonly id: number; readonly answers: boolean }[];
  readonly partitions: readonly {
    /** `topic-0`. */
    readonly name: string;
    /** -1 for none. */
    readonly leader: number;
    readonly replicas: readonly number[];
    readonly inSync: readonly number[];
  }[];
}

/** The output of `tidelog cluster health --json`. */
export interface Health {
  readonly healthy: boolean;
  readonly controller: number;
  readonly nodes: readonly number[];
  readonly nodesDown: readonly number[];
  readonly leaderless: readonly string[];
  readonly underReplicated: readonly string[];
}

/**
 * The problems of a cluster. A node that has replicas but is missing in the metadata counts as
 * down.
 */
export function healthOf({ controller, nodes, partitions }: ClusterState): Health {
  const listed = nodes.map(({ id }) => id);
  const missing = new Set(partitions.flatMap(({ replicas }) => replicas).filter((id) => !listed.includes(id)));
  const nodesDown = [...nodes.filter(({ answers }) => !answers).map(({ id }) => id), ...missing].sort((a, b) => a - b);
  const names = (wrong: (partition: ClusterState['partitions'][number]) => boolean) =>
    partitions.filter(wrong).map(({ name }) => name);
  const leaderless = names(({ leader }) => leader < 0);
  const underReplicated = names(({ replicas, inSync }) => inSync.length < replicas.length);
  const healthy = controller >= 0 && nodesDown.length + leaderless.length + underReplicated.length === 0;
  return { healthy, controller, nodes: listed, nodesDown, leaderless, underReplicated };
}
