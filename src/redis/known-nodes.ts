import type { ClusterNode } from './cluster-address.js';

/** Of `CLUSTER SLOTS`: first slot, last slot, then its nodes, each with what else is known of it. */
export type SlotRange = [
  first: number,
  last: number,
  ...Array<[host: string | null, port: number]>,
];

/** The nodes of a cluster that one connection knows, replicas as well: any of them says where a slot is. */
export class KnownNodes {
  private readonly nodes: ClusterNode[] = [];

  constructor(nodes: readonly ClusterNode[]) {
    for (const node of nodes) this.add(node);
  }

  add(node: ClusterNode): void {
    if (this.indexOf(node) === -1) this.nodes.push(node);
  }

  /** The next one, and after the last the first. */
  after(node: ClusterNode): ClusterNode {
    return this.nodes[(this.indexOf(node) + 1) % this.nodes.length] as ClusterNode;
  }

  /** @param sameHost stands for a host that the node does not say */
  learn(ranges: readonly SlotRange[], sameHost: string | undefined): void {
    for (const [, , ...members] of ranges)
      for (const [name, port] of members) {
        const host = name || sameHost;
        if (host) this.add({ host, port });
      }
  }

  private indexOf({ host, port }: ClusterNode): number {
    return this.nodes.findIndex((node) => node.host === host && node.port === port);
  }
}
