import type { RequestContext } from '../core/context.ts';
import type { Journals } from '../journal/open-journal.ts';
import type { Topic } from '../topics/topics.ts';
import { epochsOf } from './epochs.ts';
import type { LeaderItems } from './leader-items.ts';
import type { KnownEpochs, Leadership, Leads, NodeEndpoint } from './leadership.ts';

export interface SoloOptions {
  readonly nodeId: number;
  readonly rack: string | null;
  readonly advertised: (listener: string) => { readonly host: string; readonly port: number };
  readonly journals: Journals;
  readonly items: LeaderItems;
}

/** Appends are valid under any epoch of the journal. */
const LEADS: Leads = { kind: 'leads', epoch: undefined };

/**
 * A process outside a fleet: a sidecar or a function. It presents itself to its clients as the
 * leader of every partition and changes no epoch.
 */
export class Solo implements Leadership {
  readonly nodeId: number;
  readonly #options: SoloOptions;

  constructor(options: SoloOptions) {
    this.#options = options;
    this.nodeId = options.nodeId;
  }

  nodes(context: RequestContext): readonly NodeEndpoint[] {
    const { rack, advertised } = this.#options;
    return [{ nodeId: this.nodeId, ...(context.advertised ?? advertised(context.listener)), rack }];
  }

  nodeOf(): number {
    return this.nodeId;
  }

  async look(): Promise<void> {}

  peek(): Leads {
    return LEADS;
  }

  async claim(): Promise<Leads> {
    return LEADS;
  }

  async mayAnswer(): Promise<boolean> {
    return true;
  }

  /** Views that are open here need no leader item: the client's next request catches them up. */
  epochs(topics: readonly Topic[]): Promise<KnownEpochs> {
    const { journals, items } = this.#options;
    return epochsOf(journals, items, topics, (journal) => journals.peek(journal) !== undefined);
  }
}
