import { lookup as resolveName } from 'node:dns';
import { BlockList, isIP, type LookupFunction, Socket } from 'node:net';
import { MillraceError } from '../errors.ts';

/** Addresses that mean this machine, or only its own piece of network, where clouds serve credentials. */
export const OUTBOUND_RANGES = ['loopback', 'link-local'] as const;

export type OutboundRange = (typeof OUTBOUND_RANGES)[number];

/** The ranges that a connector may reach beside all other addresses; undefined = any address. */
export type Outbound = readonly OutboundRange[] | undefined;

/** `[address, prefix]`. The last ones of each are IPv4 addresses as gateways to IPv6 write them. */
const BLOCKS: Readonly<Record<OutboundRange, readonly (readonly [string, number])[]>> = {
  loopback: [
    ['127.0.0.0', 8],
    ['0.0.0.0', 8],
    ['::1', 128],
    ['::', 128],
    ['64:ff9b::7f00:0', 104],
    ['64:ff9b::', 104],
  ],
  'link-local': [
    ['169.254.0.0', 16],
    ['fe80::', 10],
    ['fd00:ec2::', 32],
    ['64:ff9b::a9fe:0', 112],
  ],
};

const lists: ReadonlyMap<OutboundRange, BlockList> = new Map(
  OUTBOUND_RANGES.map((range) => [range, listOf(range)]),
);

/**
 * Throws `ADDRESS_REFUSED` when an address is in a range that is not allowed. `host` is what the user wrote.
 *
 *     assertOutbound('169.254.169.254', 'metadata.example', ['loopback']);  // throws
 */
export function assertOutbound(address: string, host: string, allowed: Outbound): void {
  if (allowed === undefined) return;
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const plain = address.replace(/%.*$/, '');
  for (const [range, list] of lists) {
    if (allowed.includes(range) || !list.check(plain, family)) continue;
    const means = host === address ? '' : `, which is ${address}`;
    throw new MillraceError('ADDRESS_REFUSED', `jobs may not reach "${host}"${means}: ${range}`, {
      hint: `whoever runs the server can allow it: --allow-outbound ${range}`,
    });
  }
}

/**
 * A `lookup` for connections that hands over only addresses that may be reached. The connection is made to one of those: a name that means
 * something else a moment later gains nothing.
 */
export function outboundLookup(allowed: Outbound): LookupFunction {
  return (host, options, done) => {
    resolveName(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, [], 0);
      try {
        for (const { address } of addresses) assertOutbound(address, host, allowed);
      } catch (refused) {
        return done(refused as Error, [], 0);
      }
      const [first] = addresses;
      if (options.all === true) done(null, addresses);
      else done(null, first.address, first.family);
    });
  };
}

/** A host that is an address needs no lookup, so that nobody would look at it. Throws `ADDRESS_REFUSED`. */
export function assertOutboundHost(host: string, allowed: Outbound): void {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare.replace(/%.*$/, '')) !== 0) assertOutbound(bare, bare, allowed);
}

/** A socket that connects nowhere else than it may, whatever it is told. Socket files are this machine's. */
export function outboundSocket(allowed: Outbound): Socket {
  const socket = new Socket();
  if (allowed === undefined) return socket;
  const lookup = outboundLookup(allowed);
  const connect = socket.connect.bind(socket) as (options: object) => Socket;
  const guarded = (port: number | string, host = 'localhost'): Socket => {
    try {
      if (!Number.isInteger(Number(port))) assertOutbound('127.0.0.1', String(port), allowed);
      assertOutboundHost(host, allowed);
      return connect({ port: Number(port), host, lookup });
    } catch (refused) {
      // As a failed connection is told, to whoever listens.
      process.nextTick(() => socket.destroy(refused as Error));
      return socket;
    }
  };
  return Object.assign(socket, { connect: guarded });
}

function listOf(range: OutboundRange): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of BLOCKS[range]) {
    list.addSubnet(address, prefix, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
