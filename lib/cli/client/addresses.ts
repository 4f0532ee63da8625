/** A broker's host and port, as typed. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export type AddressesOutcome =
  | { readonly kind: 'addresses'; readonly addresses: readonly [Address, ...Address[]] }
  | { readonly kind: 'invalid'; readonly problem: string };

const PORT_DEFAULT = 9092;
const PORT_MAX = 65_535;

/**
 * Reads `host:port,host:port`. The default port is 9092. An IPv6 address has brackets:
 * `[::1]:9092`.
 */
export function parseAddresses(text: string): AddressesOutcome {
  const addresses: Address[] = [];
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue;
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/.exec(part);
    const port = Number(match?.[3] ?? PORT_DEFAULT);
    if (match === null || port < 1 || port > PORT_MAX) {
      return { kind: 'invalid', problem: `"${part}" is no address: it takes host:port, such as localhost:9092.` };
    }
    addresses.push({ host: (match[1] ?? match[2])!, port });
  }
  const [first, ...rest] = addresses;
  if (first === undefined) return { kind: 'invalid', problem: 'There is no address: it takes host:port[,host:port].' };
  return { kind: 'addresses', addresses: [first, ...rest] };
}

/** `host:port`, with brackets around IPv6. */
export function showAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
